import type { Intent, Journey } from './types.ts';

const PRIORITY = { high: 90, normal: 50, low: 10 } as const;

/** The journey's service as one RadioServiceExpectation (TS 28.312). */
export function intentOf(journey: Journey, said: string): Intent {
  const { service, mode } = journey;
  const target = (targetName: string, targetCondition: string, targetValueRange: unknown) => ({
    targetName,
    targetCondition,
    targetValueRange,
  });
  const context = (contextAttribute: string, contextValueRange: unknown) => ({
    contextAttribute,
    contextCondition: 'IS_EQUAL_TO',
    contextValueRange,
  });
  const conventions = Object.entries(journey.evidence)
    .filter(([, { source }]) => source === 'convention')
    .map(([field, { text }]) => `${field.replace(' (convention)', '')}: ${text}`);
  return {
    userLabel: said.replaceAll('\n', ' ').slice(0, 200),
    intentExpectations: [
      {
        expectationId: '1',
        expectationVerb: 'ENSURE',
        expectationObject: { objectType: 'Radio_Service' },
        expectationTargets: [
          target('DlThptPerUE', 'IS_GREATER_THAN', { guaThpt: service.dlMbps }),
          target('UlThptPerUE', 'IS_GREATER_THAN', { guaThpt: service.ulMbps }),
          target('DlLatency', 'IS_LESS_THAN', service.maxDelayMs),
          target('UlLatency', 'IS_LESS_THAN', service.maxDelayMs),
        ],
        expectationContexts: [
          context('ServiceStartTime', new Date(service.window.start).toISOString()),
          context('ServiceEndTime', new Date(service.window.end).toISOString()),
          context('UEMobilityLevel', mode === 'stay' ? 'NOMADIC' : 'FULL_MOBILITY'),
          context('ServiceType', service.kind),
          // SST 1 is eMBB (TS 23.501 table 5.15.2.2-1).
          context('UEGroup', { fiveQI: service.fiveQi, sNssai: { sst: 1 } }),
        ],
      },
    ],
    contextSelectivity: 'ALL_OF',
    intentContexts: [
      ...(journey.destination ? [context('Destination', journey.destination.name)] : []),
      context('DepartureStartTime', new Date(journey.departure.start).toISOString()),
      context('DepartureEndTime', new Date(journey.departure.end).toISOString()),
      ...(conventions.length > 0 ? [context('Conventions', conventions)] : []),
    ],
    intentAdminState: 'ACTIVATED',
    intentPriority: PRIORITY[service.priority],
  };
}
