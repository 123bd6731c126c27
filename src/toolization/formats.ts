const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (found === null) return false;
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= (month === 2 && !leap ? 28 : (DAYS[month - 1] ?? 0));
}

function isDateTime(text: string): boolean {
  const found = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/.exec(text);
  if (found === null) return false;
  const [hour, minute, second] = found.slice(2, 5).map(Number) as [number, number, number];
  return isDate(found[1] ?? '') && hour < 24 && minute < 60 && second <= 60;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  if (text.length > 45 || !text.includes(':')) return false;
  return URL.canParse(`http://[${text}]/`);
}

/** Formats of OpenAPI that are checked; others say something to people only. */
export const FORMATS: Record<
  string,
  true | ((text: string) => boolean) | { type: 'number'; validate(value: number): boolean }
> = {
  date: isDate,
  'date-time': isDateTime,
  ipv4: isIpv4,
  ipv6: isIpv6,
  uuid: (text) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text),
  uri: (text) => text.length <= 4_096 && URL.canParse(text),
  email: (text) => text.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(text),
  int32: { type: 'number', validate: (value) => Number.isInteger(value) && Math.abs(value) <= 2_147_483_648 },
  int64: { type: 'number', validate: (value) => Number.isInteger(value) },
};
