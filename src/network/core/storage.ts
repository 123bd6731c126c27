export interface StoredObject {
  bucket: string;
  key: string;
  contentType: string;
  /** As it was put: text, or base64 of bytes. */
  data: string;
  bytes: number;
  /** Changes with every put. */
  version: number;
}

export type StorageRefusal = 'BUCKET_NOT_FOUND' | 'OBJECT_NOT_FOUND' | 'QUOTA_EXCEEDED';

interface Bucket {
  siteId: string;
  quotaBytes: number;
  objects: Map<string, StoredObject>;
}

/** Objects in buckets with a quota, at the sites. */
export class ObjectStore {
  readonly #buckets = new Map<string, Bucket>();
  #serial = 0;

  /** Makes a bucket or changes its quota; QUOTA_EXCEEDED where more is in it already. */
  setBucket(name: string, siteId: string, quotaBytes: number): { fresh: boolean } | StorageRefusal {
    const known = this.#buckets.get(name);
    if (known === undefined) {
      this.#buckets.set(name, { siteId, quotaBytes, objects: new Map() });
      return { fresh: true };
    }
    if (used(known) > quotaBytes) return 'QUOTA_EXCEEDED';
    known.quotaBytes = quotaBytes;
    return { fresh: false };
  }

  bucket(
    name: string,
  ): { bucket: string; siteId: string; quotaBytes: number; usedBytes: number } | undefined {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return undefined;
    return { bucket: name, siteId: bucket.siteId, quotaBytes: bucket.quotaBytes, usedBytes: used(bucket) };
  }

  buckets(): string[] {
    return [...this.#buckets.keys()];
  }

  removeBucket(name: string): boolean {
    return this.#buckets.delete(name);
  }

  put(bucket: string, key: string, contentType: string, data: string): StoredObject | StorageRefusal {
    const at = this.#buckets.get(bucket);
    if (at === undefined) return 'BUCKET_NOT_FOUND';
    const bytes = Buffer.byteLength(data);
    if (used(at) - (at.objects.get(key)?.bytes ?? 0) + bytes > at.quotaBytes) return 'QUOTA_EXCEEDED';
    const object = { bucket, key, contentType, data, bytes, version: ++this.#serial };
    at.objects.set(key, object);
    return object;
  }

  get(bucket: string, key: string): StoredObject | StorageRefusal {
    const at = this.#buckets.get(bucket);
    return at === undefined ? 'BUCKET_NOT_FOUND' : (at.objects.get(key) ?? 'OBJECT_NOT_FOUND');
  }

  keys(bucket: string): string[] | undefined {
    const at = this.#buckets.get(bucket);
    return at && [...at.objects.keys()].sort();
  }

  remove(bucket: string, key: string): boolean {
    return this.#buckets.get(bucket)?.objects.delete(key) ?? false;
  }

  /** Share of all quotas in use, 0..1. */
  load(): number {
    const all = [...this.#buckets.values()];
    const quota = all.reduce((sum, one) => sum + one.quotaBytes, 0);
    return quota === 0 ? 0 : all.reduce((sum, one) => sum + used(one), 0) / quota;
  }
}

const used = ({ objects }: Bucket) => [...objects.values()].reduce((sum, { bytes }) => sum + bytes, 0);
