import { createSync } from 'nango';
import * as z from 'zod';

export default createSync({
  description: 'People',
  frequency: 'every hour',
  models: { Person: z.object({ id: z.string(), name: z.string() }) },
  exec: async (nango) => {
    const pages = nango.paginate({
      endpoint: '/people',
      paginate: {
        type: 'cursor',
        cursor_path_in_response: 'meta.next_cursor',
        cursor_name_in_request: 'cursor',
        response_path: 'data',
      },
    });
    for await (const people of pages) await nango.batchSave(people, 'Person');
  },
});
