/** What is kept on disk. */
export const DURABLE_ERRORS = {
  STORE_BROKEN: {
    class: 'terminal',
    status: 500,
    message: 'The store {file} cannot be used: {problem}.',
    hint: 'Nothing was changed. Give another folder with --data, or repair or remove that file.',
  },
  TRUST_FILE_INVALID: {
    class: 'terminal',
    status: 500,
    message: 'The key file {file} cannot be used: {problem}.',
    hint: 'Make a key with "netagent key NAME --out FILE"; list public ones in a file under "keys:".',
  },
  STORE_LOCKED: {
    class: 'terminal',
    status: 409,
    message: 'The store {file} is in use by another runtime.',
    hint: 'Stop that one, or give another folder with --data.',
  },
} as const;
