/** Importing descriptions and serving what came of it. */
export const TOOLIZATION_ERRORS = {
  TOOLS_IMPORT_UNREADABLE: {
    class: 'terminal',
    status: 400,
    message: '{file} cannot be imported: {problem}.',
    hint: 'Give an OpenAPI 3.0 or 3.1 description, or a folder of them; --dir names the folder of its references.',
  },
  TOOLS_IMPORT_EMPTY: {
    class: 'terminal',
    status: 400,
    message: 'No operation of {file} became a tool: {problem}.',
    hint: 'The report names each operation with its reason; docs/toolization.md says what is supported.',
  },
  TOOLS_BUNDLE_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The tool bundle {file} is not valid: {problem}.',
    hint: 'Make it anew with `netagent tools import`; docs/toolization.md describes its parts.',
  },
  TOOLS_UPSTREAM_TOKEN: {
    class: 'terminal',
    status: 400,
    message: 'The token for the provider of the tools was not found in {where}.',
    hint: 'Put it there, or leave `token` out of `upstream` in the bundle.',
  },
} as const;
