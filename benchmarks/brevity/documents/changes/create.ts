import { createAction } from 'nango';
import * as z from 'zod';

export default createAction({
  description: 'Create a person',
  input: z.object({ name: z.string() }),
  output: z.object({ id: z.string(), name: z.string() }),
  exec: async (nango, input) => (await nango.post({ endpoint: '/people', data: input })).data,
});
