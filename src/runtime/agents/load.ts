import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail } from '../../errors.ts';
import type { AgentModule } from './api.ts';
import { domainAgent } from './domain.ts';
import { type AgentManifest, readManifests } from './manifest.ts';

export interface LoadedAgent {
  manifest: AgentManifest;
  module: AgentModule;
}

/**
 * Loads every agent of the folders by its manifest: ours and a user's through the same door.
 * @throws AGENT_MANIFEST_INVALID, AGENT_ENTRY_INVALID
 */
export async function loadAgents(roots: string[]): Promise<LoadedAgent[]> {
  const manifests = roots.flatMap(readManifests);
  const seen = new Map<string, string>();
  for (const { agent, folder } of manifests) {
    const other = seen.get(agent);
    if (other !== undefined) {
      throw fail('AGENT_MANIFEST_INVALID', {
        file: join(folder, 'agent.yaml'),
        problem: `agent: ${agent} is taken by ${join(other, 'agent.yaml')}`,
      });
    }
    seen.set(agent, folder);
  }
  return Promise.all(manifests.map(async (manifest) => ({ manifest, module: await moduleOf(manifest) })));
}

async function moduleOf(manifest: AgentManifest): Promise<AgentModule> {
  if (manifest.entry === undefined) {
    if (manifest.role === 'domain') return domainAgent;
    throw fail('AGENT_MANIFEST_INVALID', {
      file: join(manifest.folder, 'agent.yaml'),
      problem: `entry: an agent of role ${manifest.role} needs a module`,
    });
  }
  const file = join(manifest.folder, manifest.entry);
  const invalid = (problem: string) => fail('AGENT_ENTRY_INVALID', { agent: manifest.agent, file, problem });
  let loaded: { default?: Partial<AgentModule> };
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded;
  } catch (error) {
    throw invalid((error as Error).message.split('\n')[0] ?? '');
  }
  const create = loaded.default?.create;
  if (typeof create !== 'function') throw invalid('its default export is not made by defineAgent');
  return { create };
}
