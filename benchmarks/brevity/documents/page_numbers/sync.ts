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
        type: 'offset',
        offset_name_in_request: 'page',
        offset_start_value: 1,
        offset_calculation_method: 'per-page',
        limit_name_in_request: 'per_page',
        limit: 100,
        response_path: 'data',
      },
    });
    for await (const people of pages) await nango.batchSave(people, 'Person');
  },
});
