import { z } from 'zod';
import { invalid } from '../../sbi/index.ts';
import { bitRate, notifyUri, snssai, supi } from './schemas.ts';

/** Bodies that SMF and PCF exchange (TS 29.512 5.6), as far as this network uses them. */

export const arp = z.object({
  priorityLevel: z.number().int().min(1).max(15),
  preemptCap: z.enum(['NOT_PREEMPT', 'MAY_PREEMPT']),
  preemptVuln: z.enum(['NOT_PREEMPTABLE', 'PREEMPTABLE']),
});

export const qosData = z.object({
  qosId: z.string(),
  '5qi': z.number().int().min(0).max(255),
  arp,
  gbrDl: bitRate.optional(),
  gbrUl: bitRate.optional(),
  maxbrDl: bitRate.optional(),
  maxbrUl: bitRate.optional(),
  qnc: z.boolean().optional(),
});
export type QosData = z.input<typeof qosData>;

const pccRule = z.object({
  pccRuleId: z.string(),
  precedence: z.number().int().optional(),
  refQosData: z.array(z.string()).min(1),
  refTcData: z.array(z.string()).optional(),
  flowInfos: z
    .array(z.looseObject({ flowDescription: z.string().optional() }))
    .min(1)
    .optional(),
});
const traffCont = z.object({
  tcId: z.string(),
  routeToLocs: z
    .array(z.looseObject({ dnai: z.string() }))
    .min(1)
    .optional(),
});

/** `null` takes an entry away (TS 29.512 4.2.3.1). */
export const smPolicyDecision = z.object({
  pccRules: z.record(z.string(), pccRule.nullable()).optional(),
  qosDecs: z.record(z.string(), qosData.nullable()).optional(),
  traffContDecs: z.record(z.string(), traffCont.nullable()).optional(),
});
export type SmPolicyDecision = z.input<typeof smPolicyDecision>;

export const smPolicyNotification = z.object({ resourceUri: z.string(), smPolicyDecision });

export const smPolicyContext = z.object({
  supi,
  pduSessionId: z.number().int().min(0).max(255),
  pduSessionType: z.string(),
  dnn: z.string(),
  notificationUri: notifyUri,
  sliceInfo: snssai,
  ipv4Address: z.ipv4().optional(),
});

export const smPolicyTermination = z.object({ resourceUri: z.string(), cause: z.string() });

export const ruleReport = z.object({
  pccRuleIds: z.array(z.string()),
  ruleStatus: z.enum(['ACTIVE', 'INACTIVE']),
  failureCode: z.string().optional(),
});
export type RuleReport = z.output<typeof ruleReport>;

export const qncReport = z.object({
  refPccRuleIds: z.array(z.string()),
  notifType: z.enum(['GUARANTEED', 'NOT_GUARANTEED']),
});
export type QncReport = z.output<typeof qncReport>;

export const ruleStates = z.object({
  ruleReports: z.array(ruleReport).default([]),
  qncReports: z.array(qncReport).default([]),
});

export const smPolicyUpdate = ruleStates.extend({
  repPolicyCtrlReqTriggers: z.array(z.string()).optional(),
});

/** What a decision of the PCF asks for; a problem where it refers to what it does not hold. */
export function planOf({
  pccRules = {},
  qosDecs = {},
  traffContDecs = {},
}: z.output<typeof smPolicyDecision>) {
  const install = new Map<string, z.output<typeof qosData>>();
  const remove: string[] = [];
  for (const [ruleId, rule] of Object.entries(pccRules)) {
    if (rule === null) {
      remove.push(ruleId);
      continue;
    }
    const qosId = rule.refQosData[0] ?? '';
    const qos = Object.hasOwn(qosDecs, qosId) ? qosDecs[qosId] : undefined;
    if (qos === undefined || qos === null) {
      const at = `/smPolicyDecision/pccRules/${ruleId}/refQosData`;
      throw invalid(at, 'refers to no QoS data', 'MANDATORY_IE_MISSING');
    }
    install.set(ruleId, qos);
  }
  const dnai = Object.values(traffContDecs).at(-1)?.routeToLocs?.[0]?.dnai;
  return { install, remove, dnai };
}
