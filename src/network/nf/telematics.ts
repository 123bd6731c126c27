import { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import { problem } from '../../sbi/index.ts';
import type { Simulation, Trip } from '../model.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { instant, subscriberUnknown, supi } from './schemas.ts';

const window = z.object({ start: instant, end: instant });
const tripRequest = z.object({
  tripId: z.string().min(1).max(128),
  supi,
  mode: z.enum(['fly', 'drive', 'stay']),
  destination: z.string().min(1).max(128),
  departure: window,
  service: z.object({
    name: z.string(),
    dlMbps: z.number().min(0).max(10_000),
    ulMbps: z.number().min(0).max(10_000),
    maxDelayMs: z.number().positive(),
    window,
  }),
});

/**
 * Telematics of the vehicle: no network function, the body of the vehicle agent. A trip is booked in
 * both worlds, so that the unassured twin travels the same way.
 */
export async function startTelematics(context: NfContext, twin: Simulation): Promise<NetworkFunction> {
  const { simulation } = context;
  return startFunction(context, 'TELEMATICS', [{ name: 'telematics', version: 'v1' }], (server) => {
    server.route('POST', '/telematics/v1/trips', { body: tripRequest }, ({ body }) => {
      const trip = booked(() => {
        const made = simulation.bookTrip(body);
        twin.bookTrip(body);
        return made;
      });
      const location = `${server.url}/telematics/v1/trips/${trip.supi}`;
      return { status: 201, body: trip, headers: { location } };
    });
    server.route('GET', '/telematics/v1/trips/{supi}', {}, ({ params }) => {
      const trip = simulation.trip(params.supi ?? '');
      if (trip === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `${params.supi} has no trip`);
      return { status: 200, body: trip };
    });
    server.route('GET', '/telematics/v1/positions/{supi}', {}, ({ params }) => {
      const radio = simulation.ue(params.supi ?? '');
      if (radio === undefined) throw subscriberUnknown(params.supi ?? '');
      const { position, speedMps, t, medium } = radio;
      return { status: 200, body: { ...position, t, speedMps, medium } };
    });
  });
}

function booked(book: () => Trip): Trip {
  try {
    return book();
  } catch (error) {
    if (error instanceof NetAgentError) throw problem(error.status, error.code, error.message);
    throw error;
  }
}
