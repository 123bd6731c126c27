import {
  identifierNotFound,
  missingIdentifier,
  serviceNotApplicable,
  unnecessaryIdentifier,
  unsupportedIdentifier,
} from './failure.ts';
import type { Device } from './schemas.ts';

/** A device of a request, found in the network. */
export interface FoundDevice {
  supi: string;
  phoneNumber: string | null;
  /** What the request named it by; null where its token did. */
  named: Device | null;
}

export interface DeviceDirectory {
  /** The subscriber of a phone number (`+` and digits), null for none. */
  byPhoneNumber(phoneNumber: string): Promise<string | null>;
  /** The subscriber that has a private IPv4 address now; absent where addresses are not known. */
  byIpv4?(privateAddress: string): Promise<string | null>;
}

/**
 * The device that a request is about (CAMARA Commonalities, device identification). The token's counts where
 * it names one. @throws CamaraError
 */
export async function findDevice(options: {
  named: Device | undefined;
  /** Of the token. */
  phoneNumber: string | null;
  directory: DeviceDirectory;
  excluded: readonly string[];
}): Promise<FoundDevice> {
  const { named, phoneNumber, directory, excluded } = options;
  if (phoneNumber !== null && named !== undefined) {
    throw unnecessaryIdentifier('The access token names the device; the request must not name one.');
  }
  const asked = named ?? (phoneNumber === null ? undefined : { phoneNumber });
  if (asked === undefined)
    throw missingIdentifier('Neither the access token nor the request names a device.');
  const found = await lookUp(asked, directory);
  if (asked.phoneNumber !== undefined && excluded.includes(asked.phoneNumber)) {
    throw serviceNotApplicable('The service is not offered for this device.');
  }
  return { supi: found.supi, phoneNumber: asked.phoneNumber ?? null, named: named ? found.by : null };
}

/** One identifier that is supported decides, and it is the one that is shown again. */
async function lookUp(device: Device, directory: DeviceDirectory): Promise<{ supi: string; by: Device }> {
  const { phoneNumber, ipv4Address } = device;
  if (phoneNumber !== undefined) {
    const supi = await directory.byPhoneNumber(phoneNumber);
    if (supi !== null) return { supi, by: { phoneNumber } };
  } else if (ipv4Address?.privateAddress !== undefined && directory.byIpv4 !== undefined) {
    const supi = await directory.byIpv4(ipv4Address.privateAddress);
    if (supi !== null) return { supi, by: { ipv4Address } };
  } else {
    throw unsupportedIdentifier('None of the identifiers of the device is supported here; use phoneNumber.');
  }
  throw identifierNotFound('The identifier belongs to no device of this network.');
}
