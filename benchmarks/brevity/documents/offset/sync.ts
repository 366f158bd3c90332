import { createSync } from 'nango';
import * as z from 'zod';

export default createSync({
  description: 'People',
  frequency: 'every hour',
  models: { Person: z.object({ id: z.string(), name: z.string() }) },
  exec: async (nango) => {
    const pages = nango.paginate({
      endpoint: '/people',
      paginate: { type: 'offset', offset_name_in_request: 'offset', limit_name_in_request: 'limit', limit: 100 },
    });
    for await (const people of pages) await nango.batchSave(people, 'Person');
  },
});
