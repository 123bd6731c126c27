import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../errors.ts';

const ID = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/;

export const manifestSchema = z.strictObject({
  /** `{org}/{unit}/{agent}`: the A2A over MQTT client id. */
  agent: z.string().regex(ID),
  role: z.enum(['central', 'domain', 'embodied', 'proxy']),
  name: z.string().min(1),
  description: z.string().min(1),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  /** Tool area of a domain agent. */
  area: z.string().optional(),
  /** Module with a default export made by `defineAgent`, relative to the manifest. */
  entry: z.string().optional(),
  /**
   * What becomes of tasks that a killed process left behind: run again under their ids, or ended as failed.
   * A domain's work is asked for again by whoever asked for it.
   */
  recovery: z.enum(['rerun', 'fail']).default('fail'),
  /** Pools of the agent's own unit that it serves. */
  pools: z.array(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/)).default([]),
  /** Folder of workflow templates; a domain agent has one of the same name for each skill. */
  workflows: z.string().optional(),
  skills: z
    .array(
      z.strictObject({
        id: z.string().min(1),
        name: z.string().min(1),
        description: z.string().min(1),
        tags: z.array(z.string()).min(1),
        examples: z.array(z.string()).optional(),
      }),
    )
    .min(1),
});

export type AgentManifest = z.infer<typeof manifestSchema> & { folder: string };

/**
 * Finds and reads the manifests (`agent.yaml`) in a folder of agents, at most two levels deep, in
 * order of their paths.
 * @throws AGENT_MANIFEST_INVALID naming the file and the field.
 */
export function readManifests(root: string): AgentManifest[] {
  return folders(root)
    .map((folder) => ({ folder, file: join(folder, 'agent.yaml') }))
    .filter(({ file }) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .map(({ folder, file }) => {
      let document: unknown;
      try {
        document = parse(readFileSync(file, 'utf8'));
      } catch (error) {
        throw fail('AGENT_MANIFEST_INVALID', { file, problem: (error as Error).message.split('\n')[0] });
      }
      const read = manifestSchema.safeParse(document);
      if (!read.success) {
        const issue = read.error.issues[0];
        throw fail('AGENT_MANIFEST_INVALID', {
          file,
          problem: `${issue?.path.join('.') || 'document'}: ${issue?.message}`,
        });
      }
      return { ...read.data, folder };
    });
}

function folders(root: string): string[] {
  const below = (folder: string) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name))
      .sort();
  return below(root).flatMap((folder) => [folder, ...below(folder)]);
}
