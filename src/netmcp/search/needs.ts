/**
 * What a request needs beside what it says: who asks for "tomorrow" needs to know what day it is; who wants
 * a file wants something that writes one. Each need is looked for on its own, and its best tool stands beside
 * the best for the words themselves.
 */

/** Words of a need; a tool must have all of them, `a|b` one of them. */
export type Need = readonly string[];

const PATH = String.raw`(?:~|\.{0,2})\/[\w./-]+\.`;
const MAKES = String.raw`\b(?:sav|writ|stor|export|creat|generat|mak|put|output|record|produc)\w*\b[^.!?\n]*`;

const READS = String.raw`\b(?:read|open|extract|look (?:at|into|through)|summari[sz]e|analy[sz]e|from|in|according to)\b[^.!?\n]*`;

const RULES: ReadonlyArray<readonly [RegExp, Need]> = [
  [
    new RegExp(`${MAKES}${PATH}(?:md|txt|html?|json|csv|xml|ya?ml|log|svg|py|js|ts)\\b`, 'iu'),
    ['write', 'file'],
  ],
  [new RegExp(`${MAKES}${PATH}docx?\\b`, 'iu'), ['create|write', 'document|word']],
  [new RegExp(`${MAKES}${PATH}pptx?\\b`, 'iu'), ['create|save', 'presentation|slide']],
  [new RegExp(`${MAKES}${PATH}xlsx?\\b`, 'iu'), ['create|write', 'excel|workbook|spreadsheet']],
  [new RegExp(`${MAKES}${PATH}pdf\\b`, 'iu'), ['convert|create|save', 'pdf']],
  [new RegExp(`${READS}${PATH}docx?\\b`, 'iu'), ['read|get|extract', 'document|word|docx']],
  [new RegExp(`${READS}${PATH}pdf\\b`, 'iu'), ['read|extract', 'pdf']],
  [new RegExp(`${READS}${PATH}xlsx?\\b`, 'iu'), ['read|extract', 'excel|workbook|spreadsheet']],
  [
    /\b(?:today|tonight|tomorrow|yesterday|now|(?:next|last|past|this|coming)\s+(?:\w+\s+)?(?:hours?|days?|weeks?|weekend|months?|quarter|years?|\d+\s?h|(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b|今天|明天|昨天|本周|下周/iu,
    ['current|now|today', 'time|date'],
  ],
  [
    /\b(?:nearby|near|closest|nearest|directions?|how to get (?:to|there)|on foot|by car|meeting point|itinerary|tour|day trip)\b|附近/iu,
    ['geocode|coordinate', 'address'],
  ],
  [
    /\b(?:calculat\w*|comput\w* the|how much|percent\w*|in total|sum of|average|converted to|estimate (?:its|the) (?:value|cost|price))\b|计算/iu,
    ['calculate|arithmetic|compute'],
  ],
  [/https?:\/\//iu, ['fetch|read', 'url|page|website']],
];

/** The needs of a request, at most three. */
export function needsOf(text: string): Need[] {
  return RULES.filter(([pattern]) => pattern.test(text))
    .map(([, need]) => need)
    .slice(0, 3);
}
