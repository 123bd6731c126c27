import { AGENT_CHECKS } from './agent-checks.ts';
import { BROKER_CHECKS } from './broker-checks.ts';
import { type Finding, runChecks } from './check.ts';
import { connect, Probe } from './probe.ts';

/** The conformance kit for A2A over MQTT: any broker, any agent, by a plain MQTT client. */

export interface ConformanceOptions {
  /** URL of the broker. */
  broker: string;
  /** Agent to check, `org/unit/agent`; without it the broker alone is checked. */
  agent?: string | undefined;
  /** Id under which the kit asks. */
  as: string;
  /** What the agent is sent. */
  text: string;
  /** How long an answer may take, ms. */
  patienceMs: number;
  onFinding?: ((finding: Finding) => void) | undefined;
}

/** @throws CONFORMANCE_UNREACHABLE when the broker does not take the kit's connection. */
export async function conformanceA2aMqtt(options: ConformanceOptions): Promise<Finding[]> {
  const { broker, agent, as, text, patienceMs, onFinding = () => undefined } = options;
  if (agent === undefined) {
    await (await connect(broker, as, patienceMs)).endAsync();
    return runChecks(BROKER_CHECKS, { broker, patienceMs }, onFinding);
  }
  const probe = await Probe.open({ broker, agent, as, patienceMs });
  try {
    return await runChecks(AGENT_CHECKS, { probe, agent, text }, onFinding);
  } finally {
    await probe.close();
  }
}

export type { Finding } from './check.ts';
