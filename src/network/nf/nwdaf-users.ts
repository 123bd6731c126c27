import type { CoreNetwork } from '../core/index.ts';
import type { Simulation, UeRadio } from '../model.ts';
import { userLocation } from './location.ts';
import { iso, toBitRate } from './schemas.ts';

/** Downlink that somebody without a booked service hopes for, Mbit/s, and the delay up to which it is fine. */
const USUAL = { dlMbps: 5, ulMbps: 1, maxDelayMs: 100 };

/** ServiceExperienceInfo of TS 29.520 5.1.6.2.24: rates and delay against what the service wants, on 1..5. */
export function serviceExperience(simulation: Simulation, radio: UeRadio) {
  const { name, dlMbps, ulMbps, maxDelayMs } = simulation.trip(radio.supi)?.service ?? {
    name: undefined,
    ...USUAL,
  };
  const share = (got: number, wanted: number) => (wanted <= 0 ? 1 : Math.min(1, got / wanted));
  const timely = Math.min(1, maxDelayMs / Math.max(1, radio.delayMs));
  const mos = 1 + 4 * Math.min(share(radio.dlMbps, dlMbps), share(radio.ulMbps, ulMbps), timely);
  return {
    svcExprc: { mos: Math.round(mos * 100) / 100, upperRange: 5, lowerRange: 1 },
    supis: [radio.supi],
    ...(name !== undefined && { appId: name }),
    snssai: { sst: 1 },
    dnn: 'internet',
    confidence: 100,
  };
}

/** DnPerfInfo of TS 29.520 5.1.6.2.40: the ways from where the subscriber is to the data network. */
export function dataNetworkPerformance(core: CoreNetwork, simulation: Simulation, radio: UeRadio) {
  const dnPerf = simulation.paths(radio.supi).map((path) => {
    const { lossRatio } = core.transport.link(path.dnai);
    return {
      dnai: path.dnai,
      upfInfo: { upfId: `upf-${path.dnai}` },
      perfData: {
        avePacketDelay: Math.max(1, Math.round(path.delayMs)),
        // Tenths of a percent (TS 29.571 PacketLossRate).
        avgPacketLossRate: Math.round(lossRatio * 1000),
        ...(path.active && { avgTrafficRate: toBitRate(radio.dlMbps), trafRateUeIds: [radio.supi] }),
      },
    };
  });
  return { dnn: 'internet', snssai: { sst: 1 }, dnPerf, confidence: 100 };
}

/** Places of the trip that are asked about, at the most. */
const PLACES = 8;

/** UeMobility of TS 29.520 5.1.6.2.22: where the subscriber is, and where its trip leads in the window. */
export function mobility(simulation: Simulation, radio: UeRadio, start: number, end: number): object[] {
  const waypoints = (simulation.trip(radio.supi)?.segments ?? [])
    .flatMap((segment) => segment.waypoints)
    .filter(({ t }) => t >= start && t <= end);
  const step = Math.max(1, Math.ceil(waypoints.length / PLACES));
  const ahead = simulation
    .forecastCoverage(waypoints.filter((_, n) => n % step === 0))
    .flatMap((forecast) => {
      if (forecast.cellId === null) return [];
      const at = { ...radio, t: forecast.t, cellId: forecast.cellId, position: forecast.point };
      const found = userLocation(simulation, at);
      return found ? [{ at: forecast.t, found, confidence: Math.round(forecast.confidence * 100) }] : [];
    });
  const here = userLocation(simulation, radio);
  const places = ahead.length > 0 ? ahead : here ? [{ at: start, found: here, confidence: 100 }] : [];
  return places.map(({ at, found, confidence }, n) => {
    const until = places[n + 1]?.at ?? end;
    return {
      ts: iso(at),
      duration: Math.max(1, Math.round((until - at) / 1000)),
      locInfos: [{ loc: found.location, geoLoc: found.geoInfo, confidence }],
    };
  });
}
