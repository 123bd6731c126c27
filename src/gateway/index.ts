export { bridgeTo } from './bridge.ts';
export { type Gateway, type GatewayOptions, type GatewayState, openGateway } from './http.ts';
