import { z } from 'zod';
import { siteId } from './computing.ts';
import { done, get, send } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const STORAGE = 'STORAGE';
const BUCKETS = '/storage/v1/buckets';
export const bucket = z
  .string()
  .regex(/^[a-z0-9-]{1,63}$/)
  .describe('Name of the bucket');
export const key = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/)
  .describe('Name of the object in its bucket');
const info = z.object({
  bucket: z.string(),
  siteId: z.string(),
  quotaBytes: z.number(),
  usedBytes: z.number(),
});
const one = (operations: string[]) => [{ type: STORAGE, operations }];

async function listObjects(from: string, context: ToolContext): Promise<string[]> {
  const body = await get(context, STORAGE, 'listObjects', `${BUCKETS}/${from}/objects`);
  return z.object({ keys: z.array(z.string()) }).parse(body).keys;
}
export async function readObject(from: string, name: string, context: ToolContext): Promise<string> {
  const body = await get(context, STORAGE, 'getObject', `${BUCKETS}/${from}/objects/${name}`);
  return z.looseObject({ data: z.string() }).parse(body).data;
}
export async function putObject(
  to: string,
  name: string,
  data: string,
  context: ToolContext,
  contentType = 'text/plain',
) {
  const path = `${BUCKETS}/${to}/objects/${name}`;
  const { body } = await send(context, STORAGE, 'putObject', 'PUT', path, { contentType, data });
  return z.object({ key: z.string(), bytes: z.number(), version: z.number() }).parse(body);
}

export const storageTools = [
  tool({
    name: 'storage_list_buckets',
    title: 'List storage buckets',
    description: 'Names of the buckets of the object storage.',
    category: 'storage',
    kind: 'status perception',
    labels: ['object storage', 'folders', 'volumes'],
    effects: 'read',
    nf: one(['listBuckets']),
    input: z.strictObject({}),
    output: z.object({ buckets: z.array(z.string()) }),
    execute: async (_, context) =>
      z.object({ buckets: z.array(z.string()) }).parse(await get(context, STORAGE, 'listBuckets', BUCKETS)),
  }),
  tool({
    name: 'storage_set_bucket',
    title: 'Make a bucket or set its quota',
    description: 'Makes a storage bucket at a site, or changes how many bytes it may hold.',
    category: 'storage',
    kind: 'resource management',
    labels: ['object storage', 'create', 'quota', 'disk space', 'limit'],
    effects: 'reversible',
    idempotent: true,
    nf: one(['putBucket']),
    input: z.strictObject({
      bucket,
      siteId,
      quotaBytes: z.number().int().min(0).max(1_099_511_627_776).describe('Bytes that it may hold'),
    }),
    output: info,
    async execute(args, context) {
      const { bucket: name, ...body } = args;
      return info.parse((await send(context, STORAGE, 'putBucket', 'PUT', `${BUCKETS}/${name}`, body)).body);
    },
  }),
  tool({
    name: 'storage_read_bucket',
    title: 'Read the use of a bucket',
    description: 'Site, quota and used bytes of a storage bucket.',
    category: 'storage',
    kind: 'data collection',
    labels: ['object storage', 'quota', 'how full', 'space left'],
    effects: 'read',
    nf: one(['getBucket']),
    input: z.strictObject({ bucket }),
    output: info,
    execute: async (args, context) =>
      info.parse(await get(context, STORAGE, 'getBucket', `${BUCKETS}/${args.bucket}`)),
  }),
  tool({
    name: 'storage_delete_bucket',
    title: 'Delete a bucket',
    description: 'Deletes a storage bucket with all that is in it, for good.',
    category: 'storage',
    kind: 'resource management',
    labels: ['object storage', 'remove', 'erase'],
    effects: 'irreversible',
    scope: 'netmcp:operate',
    nf: one(['deleteBucket']),
    input: z.strictObject({ bucket }),
    output: done,
    async execute(args, context) {
      await send(context, STORAGE, 'deleteBucket', 'DELETE', `${BUCKETS}/${args.bucket}`);
      return { done: true };
    },
  }),
  tool({
    name: 'storage_list_objects',
    title: 'List stored objects',
    description: 'Names of the objects in a storage bucket.',
    category: 'storage',
    kind: 'status perception',
    labels: ['object storage', 'files', 'keys', 'contents'],
    effects: 'read',
    nf: one(['listObjects']),
    input: z.strictObject({ bucket }),
    output: z.object({ keys: z.array(z.string()) }),
    execute: async (args, context) => ({ keys: await listObjects(args.bucket, context) }),
  }),
  tool({
    name: 'storage_put_object',
    title: 'Store an object',
    description: 'Puts text or base64 under a name in a storage bucket; gives what it replaced, if anything.',
    category: 'storage',
    kind: 'resource management',
    labels: ['object storage', 'save', 'upload', 'write file', 'archive'],
    effects: 'reversible',
    nf: one(['listObjects', 'getObject', 'putObject']),
    input: z.strictObject({
      bucket,
      key,
      data: z.string().max(100_000).describe('Text, or base64 of bytes'),
      contentType: z
        .string()
        .regex(/^[\w.+-]+\/[\w.+-]+$/)
        .max(100)
        .default('text/plain')
        .describe('Media type'),
    }),
    output: z.object({
      key: z.string(),
      bytes: z.number(),
      version: z.number(),
      replaced: z.string().nullable().describe('To put back, or null'),
    }),
    async execute(args, context) {
      const known = await listObjects(args.bucket, context);
      const replaced = known.includes(args.key) ? await readObject(args.bucket, args.key, context) : null;
      return { ...(await putObject(args.bucket, args.key, args.data, context, args.contentType)), replaced };
    },
  }),
  tool({
    name: 'storage_get_object',
    title: 'Fetch an object',
    description: 'Content of a stored object.',
    category: 'storage',
    kind: 'data collection',
    labels: ['object storage', 'download', 'read file', 'load'],
    effects: 'read',
    nf: one(['getObject']),
    input: z.strictObject({ bucket, key }),
    output: z.object({ data: z.string() }),
    execute: async (args, context) => ({ data: await readObject(args.bucket, args.key, context) }),
  }),
  tool({
    name: 'storage_delete_object',
    title: 'Delete an object',
    description: 'Deletes a stored object for good.',
    category: 'storage',
    kind: 'resource management',
    labels: ['object storage', 'remove file', 'erase'],
    effects: 'irreversible',
    nf: one(['deleteObject']),
    input: z.strictObject({ bucket, key }),
    output: done,
    async execute(args, context) {
      await send(context, STORAGE, 'deleteObject', 'DELETE', `${BUCKETS}/${args.bucket}/objects/${args.key}`);
      return { done: true };
    },
  }),
];
