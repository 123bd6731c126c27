export { type Collection, openStore, STORE_FILE, type Store } from './store.ts';
