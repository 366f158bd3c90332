import { createAction } from 'nango';
import * as z from 'zod';

export default createAction({
  description: 'Get a person',
  input: z.object({ id: z.string() }),
  output: z.object({ id: z.string(), name: z.string() }),
  exec: async (nango, input) => (await nango.get({ endpoint: `/people/${input.id}` })).data,
});
