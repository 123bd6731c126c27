/**
 * The workflow that is killed at every step: calls, waits, forks, a race, loops, retries, a timeout, an event and
 * a function of its own. Its expressions need no jq: each life has an engine of its own, and a worker takes longer to
 * start than all the rest. `unit` is the length of its time, ms.
 */
export const killed = (unit: number) => {
  const after = (units: number) => ({ milliseconds: units * unit });
  const call = (id: string, rest: object = {}) => ({
    call: 'probe:1.0.0@default',
    with: { id, seen: '${ .n }' },
    output: { as: { n: '${ .n }' } },
    ...rest,
  });
  const retry = (count: number) => ({
    delay: after(3),
    backoff: { exponential: {} },
    limit: { attempt: { count } },
  });
  return {
    document: { dsl: '1.0.3', namespace: 'test', name: 'killed', version: '1.0.0' },
    use: { functions: { own: { do: [{ inner: call('own') }, { rest: { wait: after(1) } }] } } },
    do: [
      { begin: { set: { n: 0, items: [1, 2, 3] }, export: { as: { items: '${ .items }' } } } },
      { first: call('first', { export: { as: { kept: '${ .n }', items: '${ $context.items }' } } }) },
      { pause: { wait: after(10) } },
      {
        both: {
          fork: {
            branches: [
              { left: { do: [{ l1: call('l1') }, { l2: { wait: after(5) } }, { l3: call('l3') }] } },
              {
                right: {
                  do: [
                    { r1: { wait: after(2.5) } },
                    { r2: { try: [{ ask: call('flaky') }], catch: { retry: retry(3) } } },
                    { r3: call('r3') },
                  ],
                },
              },
            ],
          },
          output: { as: { n: 1, both: '${ . }' } },
        },
      },
      { again: { try: [{ a1: call('a1') }, { a2: call('flaky2') }], catch: { retry: retry(2) } } },
      {
        choose: {
          switch: [{ more: { when: '${ .n == 1000 }', then: 'never' } }, { other: { then: 'each' } }],
        },
      },
      { never: { raise: { error: { type: 'https://example.com/never', status: 500 } } } },
      {
        each: {
          for: { each: 'one', in: '${ $context.items }' },
          do: [{ step: call('step') }, { rest: { wait: after(1) } }],
        },
      },
      {
        race: {
          fork: {
            compete: true,
            branches: [
              { slow: { do: [{ s1: { wait: after(500) } }, { s2: call('s2') }] } },
              { fast: { do: [{ f1: { wait: after(1) } }, { f2: call('f2') }] } },
            ],
          },
        },
      },
      { handled: { try: [{ h1: call('broken') }], catch: { retry: retry(1), do: [{ h2: call('h2') }] } } },
      {
        late: {
          try: [{ long: { wait: after(3600), timeout: { after: after(4) } } }],
          catch: { errors: { with: { status: 408 } }, as: 'late', do: [{ l: call('late') }] },
        },
      },
      {
        tell: {
          emit: { event: { with: { type: 'told', data: { n: '${ .n }' } } } },
          output: { as: { n: '${ .data.n }' } },
        },
      },
      { function: { call: 'own', with: { n: '${ .n }' } } },
      { last: { set: { n: '${ .n }', kept: '${ $context.kept }' } } },
    ],
  };
};
