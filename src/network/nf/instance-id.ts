/** Stands at the end of an NfInstanceId; the NRF alone has 0. */
const SERIAL = {
  AMF: 1,
  SMF: 2,
  PCF: 3,
  NWDAF: 4,
  UPF: 5,
  GNB: 6,
  TELEMATICS: 7,
  NEF: 8,
  BSF: 9,
  COMPUTE: 10,
  STORAGE: 11,
  UDM: 12,
  OAM: 13,
} as const;

export type NfType = keyof typeof SERIAL;

/** NfInstanceId of an instance of a type, the first being 0. */
export const instanceIdOf = (nf: NfType, instance = 0) =>
  `00000000-0000-4000-8000-${instance.toString(16).padStart(11, '0')}${SERIAL[nf].toString(16)}`;
