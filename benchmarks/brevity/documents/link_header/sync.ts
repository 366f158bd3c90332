import { createSync } from 'nango';
import * as z from 'zod';

export default createSync({
  description: 'People',
  frequency: 'every hour',
  models: { Person: z.object({ id: z.string(), name: z.string() }) },
  exec: async (nango) => {
    const pages = nango.paginate({
      endpoint: '/people',
      paginate: { type: 'link', link_rel_in_response_header: 'next' },
    });
    for await (const people of pages) await nango.batchSave(people, 'Person');
  },
});
