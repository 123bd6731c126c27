/** The simulated network and its traces. */
export const NETWORK_ERRORS = {
  TRACE_UNREADABLE: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} cannot be read: {problem}.',
    hint: 'Give a CSV file with the columns of the UCC 5G data set.',
  },
  NETWORK_REGION_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'No region is called {region}.',
    hint: 'Name a city of the gazetteer in English, for example Shanghai.',
  },
  NETWORK_FAULT_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The fault {kind} is refused: {problem}.',
    hint: 'The kinds of faults and what they are about are in docs/network.md.',
  },
  NETWORK_TRIP_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The trip {trip} cannot be booked: {problem}.',
    hint: 'Correct the request; windows end after they start.',
  },
  NETWORK_SUBSCRIBER_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'The network knows no subscriber {supi} that travels.',
    hint: 'Use the subscriber that the simulation was started for.',
  },
  TRACE_MALFORMED: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} is malformed at line {line}, column {column}: {problem}.',
    hint: 'It must be a CSV file with the columns of the UCC 5G data set, one row a second.',
  },
  TRACE_EMPTY: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} has no rows (line {line}, column {column}).',
    hint: 'It must hold a header and at least one row.',
  },
  NETWORK_GRID_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The grid refuses {field}: {problem}.',
    hint: 'Nothing was changed. docs/grid.md says what a layout, an option or a call may hold.',
  },
  NETWORK_SNAPSHOT_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The snapshot cannot be restored: {problem}.',
    hint: 'Nothing was changed. Build the grid with the layout and options of the one that was saved.',
  },
  WORLD_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'No world is called {world}.',
    hint: 'Name one of {known}, or a YAML file.',
  },
  WORLD_UNREADABLE: {
    class: 'terminal',
    status: 400,
    message: 'The world {file} cannot be read: {problem}.',
    hint: 'Give a YAML file in the format of docs/worlds.md.',
  },
  WORLD_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The world {file} is wrong at line {line}, field {field}: {problem}.',
    hint: 'Nothing was started. docs/worlds.md and docs/world.schema.json say what a world may hold.',
  },
  WORLD_UNSUPPORTED: {
    class: 'terminal',
    status: 400,
    message: 'The world {world} cannot do that: {problem}.',
    hint: 'docs/worlds.md says what a world offers. Nothing was changed.',
  },
} as const;
