import { expect, test } from 'vitest';
import { rootFor } from '../../src/toolization/upstream.ts';

test.each([
  ['https://api.example', '/qod/v1/sessions', 'https://api.example'],
  ['https://api.example/', '/qod/v1/sessions', 'https://api.example'],
  ['https://api.example/camara', '/qod/v1/sessions', 'https://api.example/camara'],
  ['https://api.example/camara/qod/v1', '/qod/v1/sessions', 'https://api.example/camara'],
  ['https://api.example/qod/v1/', '/qod/v1/sessions', 'https://api.example'],
  ['https://api.example/qod', '/qodex/v1/sessions', 'https://api.example/qod'],
])('the base path of an API is said once: %s and %s', (url, target, root) => {
  expect(rootFor(url, target)).toBe(root);
});
