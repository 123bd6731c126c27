export { type BusSessions, openBusSessions } from './bus-sessions.ts';
export { type Collection, openStore, STORE_FILE, type Store } from './store.ts';
