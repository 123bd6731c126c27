import { type Express, json, type NextFunction, type Request, type Response } from 'express';
import { fail, NetAgentError } from '../errors.ts';
import type { GatewayAgents } from './http.ts';
import { mediaType } from './http-event.ts';
import { refuse } from './refusal.ts';

/** Tools that are held until somebody looked at them (NetMCP 5). */
export interface HeldTools {
  held(): Array<{ name: string; hash: string }>;
  /** @throws NETMCP_NOT_PENDING */
  decide(name: string, verdict: 'approve' | 'reject', hash: string): Promise<void>;
}

/** Where the functions of the network are, and what is broken in it on purpose. */
export interface OperatedNetwork {
  /** API roots by NF type. */
  functions(): Readonly<Record<string, string>>;
  faults: {
    list(): unknown[];
    /** @throws NETWORK_FAULT_INVALID */
    inject(fault: unknown): Promise<unknown>;
    clear(id: string): Promise<boolean>;
  };
}

const MAX_BODY = '16kb';

/** What the operator at this machine decides and does; reading is everybody's who reaches the gateway. */
export function addOperatorRoutes(app: Express, served: () => GatewayAgents | undefined): void {
  app.post('/approvals/:org/:unit/:agent/:verdict', (request, response) => {
    const { org, unit, agent, verdict } = request.params;
    const id = `${org}/${unit}/${agent}`;
    const admission = served()?.admission;
    if (!isOperator(request)) refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
    else if (
      admission === undefined ||
      (verdict !== 'approve' && verdict !== 'revoke') ||
      !admission[verdict](id)
    ) {
      refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path }));
    } else response.json({ id, ...admission.standing(id) });
  });
  app.get('/tools/held', (_request, response) => void response.json(served()?.tools?.held() ?? []));
  app.post('/tools/:name/:verdict/:hash', (request, response, next) => {
    const { name, verdict, hash } = request.params;
    const tools = served()?.tools;
    if (!isOperator(request)) refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
    else if (tools === undefined || (verdict !== 'approve' && verdict !== 'reject')) {
      refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path }));
    } else {
      tools.decide(name, verdict, hash).then(
        () => response.json({ name, hash, verdict }),
        (error: unknown) => (error instanceof NetAgentError ? refuse(response, error) : next(error)),
      );
    }
  });

  app.get('/network', (_request, response) => {
    const network = served()?.network;
    response.json({ functions: network?.functions() ?? {}, faults: network?.faults.list() ?? [] });
  });
  app.post('/network/faults', json({ limit: MAX_BODY }), (request, response, next) => {
    const network = served()?.network;
    if (!isOperator(request)) refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
    else if (network === undefined) refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path }));
    else
      network.faults
        .inject(request.body)
        .then((made) => response.status(201).json(made), orElse(response, next));
  });
  app.delete('/network/faults/:id', (request, response, next) => {
    const network = served()?.network;
    if (!isOperator(request)) refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
    else if (network === undefined) refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path }));
    else {
      network.faults.clear(String(request.params.id)).then((gone) => {
        if (gone) response.status(204).end();
        else refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path }));
      }, next);
    }
  });
}

const orElse = (response: Response, next: NextFunction) => (error: unknown) =>
  error instanceof NetAgentError ? refuse(response, error) : next(error);

/** Who may start the runtime may decide; from elsewhere, and from a form of a web page, nobody. */
export const isOperator = (request: Request): boolean =>
  isLoopback(request.socket.remoteAddress) &&
  mediaType(request.headers['content-type']) === 'application/json';

export const isLoopback = (address = '') => /^(::ffff:)?127\.|^::1$/.test(address);
