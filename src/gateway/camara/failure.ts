/** An error as CAMARA's ErrorInfo says it: HTTP status, stable code, one sentence. */
export class CamaraError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'CamaraError';
    this.status = status;
    this.code = code;
  }
}

const failure = (status: number, code: string) => (message: string) => new CamaraError(status, code, message);

/** CAMARA Commonalities, error codes. */
export const invalidArgument = failure(400, 'INVALID_ARGUMENT');
export const unauthenticated = failure(401, 'UNAUTHENTICATED');
export const permissionDenied = failure(403, 'PERMISSION_DENIED');
export const notFound = failure(404, 'NOT_FOUND');
export const identifierNotFound = failure(404, 'IDENTIFIER_NOT_FOUND');
export const conflict = failure(409, 'CONFLICT');
export const serviceNotApplicable = failure(422, 'SERVICE_NOT_APPLICABLE');
export const missingIdentifier = failure(422, 'MISSING_IDENTIFIER');
export const unnecessaryIdentifier = failure(422, 'UNNECESSARY_IDENTIFIER');
export const unsupportedIdentifier = failure(422, 'UNSUPPORTED_IDENTIFIER');
export const keyNotConfigured = failure(422, 'PRIVATE_KEY_JWT_NOT_CONFIGURED');
export const tooManyRequests = failure(429, 'TOO_MANY_REQUESTS');
