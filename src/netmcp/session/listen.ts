import type { Server } from 'node:http';
import { fail } from '../../errors.ts';

/** Starts to listen and gives the port. @throws RUNTIME_PORT_IN_USE */
export function listen(http: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? fail('RUNTIME_PORT_IN_USE', { port, host }) : error);
    });
    http.listen(port, host, () => {
      const address = http.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
