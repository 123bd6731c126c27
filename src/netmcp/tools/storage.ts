import { z } from 'zod';
import { type ToolContext, tool } from './types.ts';

const STORAGE = 'STORAGE';
const BUCKETS = '/storage/v1/buckets';
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const bucket = name.describe('Bucket');
const key = name.describe('Key of the object');
const siteId = name.describe('Site, for example edge-shanghai');
const MAX_QUOTA = 2 ** 40;

const shown = z.object({
  bucket: z.string(),
  siteId: z.string(),
  quotaBytes: z.number(),
  usedBytes: z.number(),
});
const stored = z.object({
  contentType: z.string(),
  data: z.string(),
  bytes: z.number(),
  version: z.number(),
});

const at = (one: string) => `${BUCKETS}/${encodeURIComponent(one)}`;
const get = async (operation: string, path: string, { sbi }: ToolContext) =>
  (await sbi({ nf: STORAGE, operation, method: 'GET', path })).body;
const put = async (operation: string, path: string, body: object, { sbi }: ToolContext) =>
  (await sbi({ nf: STORAGE, operation, method: 'PUT', path, body })).body;
const remove = async (operation: string, path: string, { sbi }: ToolContext) => {
  await sbi({ nf: STORAGE, operation, method: 'DELETE', path });
  return { deleted: true };
};

const setBucket = tool({
  name: 'storage_set_bucket',
  title: 'Make a bucket, or change its quota',
  description:
    'Makes room for objects at a site, up to a quota; of a bucket that exists it changes the quota.',
  category: 'storage',
  kind: 'resource management',
  labels: ['bucket', 'storage', 'quota', 'create', 'edge'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: STORAGE, operations: ['setBucket'] }],
  input: z.strictObject({
    bucket,
    siteId,
    quotaBytes: z.number().int().min(0).max(MAX_QUOTA).default(1_048_576).describe('Most bytes in it'),
  }),
  output: shown,
  execute: async ({ bucket: one, ...body }, context) =>
    shown.parse(await put('setBucket', at(one), body, context)),
});

const list = tool({
  name: 'storage_list_buckets',
  title: 'List buckets',
  description: 'Names of all buckets.',
  category: 'storage',
  kind: 'status perception',
  labels: ['bucket', 'storage', 'list'],
  effects: 'read',
  nf: [{ type: STORAGE, operations: ['listBuckets'] }],
  input: z.strictObject({}),
  output: z.object({ buckets: z.array(z.string()) }),
  execute: async (_, context) =>
    z.object({ buckets: z.array(z.string()) }).parse(await get('listBuckets', BUCKETS, context)),
});

const read = tool({
  name: 'storage_read_bucket',
  title: 'Read a bucket',
  description: 'Site, quota and used bytes of a bucket.',
  category: 'storage',
  kind: 'status perception',
  labels: ['bucket', 'storage', 'usage', 'quota', 'space'],
  effects: 'read',
  nf: [{ type: STORAGE, operations: ['readBucket'] }],
  input: z.strictObject({ bucket }),
  output: shown,
  execute: async (args, context) => shown.parse(await get('readBucket', at(args.bucket), context)),
});

const deleteBucket = tool({
  name: 'storage_delete_bucket',
  title: 'Delete a bucket',
  description: 'Deletes a bucket with everything in it.',
  category: 'storage',
  kind: 'resource management',
  labels: ['bucket', 'storage', 'delete', 'remove'],
  effects: 'irreversible',
  nf: [{ type: STORAGE, operations: ['deleteBucket'] }],
  input: z.strictObject({ bucket }),
  output: z.object({ deleted: z.boolean() }),
  execute: (args, context) => remove('deleteBucket', at(args.bucket), context),
});

const putObject = tool({
  name: 'storage_put_object',
  title: 'Store an object',
  description: 'Stores text, or bytes as base64, under a key; what was there before is replaced.',
  category: 'storage',
  kind: 'resource management',
  labels: ['object', 'store', 'save', 'upload', 'write', 'file'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: STORAGE, operations: ['putObject'] }],
  input: z.strictObject({
    bucket,
    key,
    data: z.string().max(900_000).describe('Text, or base64 of bytes'),
    contentType: z
      .string()
      .regex(/^[\w.+-]{1,64}\/[\w.+-]{1,64}$/)
      .default('text/plain'),
  }),
  output: z.object({ key: z.string(), bytes: z.number(), version: z.number() }),
  execute: async ({ bucket: one, key: of, ...body }, context) =>
    z
      .object({ key: z.string(), bytes: z.number(), version: z.number() })
      .parse(await put('putObject', `${at(one)}/objects/${encodeURIComponent(of)}`, body, context)),
});

const getObject = tool({
  name: 'storage_get_object',
  title: 'Get an object',
  description: 'What is stored under a key of a bucket.',
  category: 'storage',
  kind: 'data collection',
  labels: ['object', 'load', 'download', 'read', 'get'],
  effects: 'read',
  nf: [{ type: STORAGE, operations: ['getObject'] }],
  input: z.strictObject({ bucket, key }),
  output: stored,
  execute: async (args, context) =>
    stored.parse(
      await get('getObject', `${at(args.bucket)}/objects/${encodeURIComponent(args.key)}`, context),
    ),
});

const listObjects = tool({
  name: 'storage_list_objects',
  title: 'List objects',
  description: 'Keys of the objects in a bucket.',
  category: 'storage',
  kind: 'data collection',
  labels: ['object', 'keys', 'list', 'content'],
  effects: 'read',
  nf: [{ type: STORAGE, operations: ['listObjects'] }],
  input: z.strictObject({ bucket }),
  output: z.object({ keys: z.array(z.string()) }),
  execute: async (args, context) =>
    z
      .object({ keys: z.array(z.string()) })
      .parse(await get('listObjects', `${at(args.bucket)}/objects`, context)),
});

const deleteObject = tool({
  name: 'storage_delete_object',
  title: 'Delete an object',
  description: 'Deletes what is stored under a key.',
  category: 'storage',
  kind: 'resource management',
  labels: ['object', 'delete', 'remove'],
  effects: 'irreversible',
  nf: [{ type: STORAGE, operations: ['deleteObject'] }],
  input: z.strictObject({ bucket, key }),
  output: z.object({ deleted: z.boolean() }),
  execute: (args, context) =>
    remove('deleteObject', `${at(args.bucket)}/objects/${encodeURIComponent(args.key)}`, context),
});

/** Objects that are copied in one call. */
const MAX_COPIES = 100;

const replicate = tool({
  name: 'storage_replicate_bucket',
  title: 'Replicate a bucket at another site',
  description: 'Copies a bucket and its objects to another site, so that a failing site loses nothing.',
  category: 'storage',
  kind: 'redundancy recovery',
  labels: ['replicate', 'backup', 'copy', 'redundancy', 'recovery', 'site'],
  effects: 'reversible',
  idempotent: true,
  constraints: [{ rule: 'args.bucket != args.to', message: 'to must be another bucket' }],
  nf: [{ type: STORAGE, operations: ['readBucket', 'setBucket', 'listObjects', 'getObject', 'putObject'] }],
  input: z.strictObject({ bucket, to: name.describe('Name of the copy'), siteId }),
  output: z.object({ bucket: z.string(), objects: z.number(), left: z.number() }),
  async execute(args, context) {
    const { quotaBytes } = shown.parse(await get('readBucket', at(args.bucket), context));
    const body = { siteId: args.siteId, quotaBytes };
    await put('setBucket', at(args.to), body, context);
    const { keys } = z
      .object({ keys: z.array(z.string()) })
      .parse(await get('listObjects', `${at(args.bucket)}/objects`, context));
    for (const one of keys.slice(0, MAX_COPIES)) {
      const path = `/objects/${encodeURIComponent(one)}`;
      const { contentType, data } = stored.parse(
        await get('getObject', `${at(args.bucket)}${path}`, context),
      );
      await put('putObject', `${at(args.to)}${path}`, { contentType, data }, context);
    }
    return {
      bucket: args.to,
      objects: Math.min(keys.length, MAX_COPIES),
      left: Math.max(0, keys.length - MAX_COPIES),
    };
  },
});

export const storageTools = [
  setBucket,
  list,
  read,
  deleteBucket,
  putObject,
  getObject,
  listObjects,
  deleteObject,
  replicate,
];
