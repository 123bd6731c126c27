export { AddressPool } from './addresses.ts';
export { CoreNetwork } from './core.ts';
export { type Fault, type FaultRequest, Faults, faultRequest } from './faults.ts';
export { FIVE_QI, type QosCharacteristics } from './qos-table.ts';
export { type Allocation, type EdgeSite, type Job, type SiteRefusal, Sites } from './sites.ts';
export { type SliceRefusal, Slices, type Snssai, sliceName } from './slices.ts';
export { ObjectStore, type StorageRefusal, type StoredObject } from './storage.ts';
export { type Link, type PathView, Transport } from './transport.ts';
export { type Upf, Upfs } from './upfs.ts';
