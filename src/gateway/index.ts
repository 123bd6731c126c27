export { bridgeTo } from './bridge.ts';
export {
  type Gateway,
  type GatewayAgent,
  type GatewayOptions,
  type GatewayState,
  openGateway,
} from './http.ts';
