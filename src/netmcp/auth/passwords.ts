import type { CredentialsFile } from '../../../broker/index.ts';
import type { Passwords } from './provider.ts';

/**
 * Persons and clients from a credentials file as the bus has them (`netagent credential`): scrypt hashes, read
 * again when the file changes. A person, or a server that is no agent of the bus, has the role `guest`.
 */
export function passwordsOf(credentials: CredentialsFile): Passwords {
  return {
    knows: (name) => credentials.has(name),
    async verify(name, password) {
      const verdict = await credentials.identify({
        clientId: name,
        assigned: false,
        protocolVersion: 5,
        username: name,
        password: Buffer.from(password),
        inProcess: false,
      });
      return verdict.role !== 'refused';
    },
  };
}
