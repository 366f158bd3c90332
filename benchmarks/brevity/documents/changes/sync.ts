import { createSync } from 'nango';
import * as z from 'zod';

export default createSync({
  description: 'People that changed',
  frequency: 'every hour',
  models: { Person: z.object({ id: z.string(), name: z.string(), updated_at: z.string() }) },
  checkpoint: z.object({ since: z.string() }),
  exec: async (nango) => {
    let since = (await nango.getCheckpoint())?.since ?? '';
    const pages = nango.paginate({
      endpoint: '/people',
      params: since ? { updated_since: since } : {},
      paginate: {
        type: 'cursor',
        cursor_path_in_response: 'next_cursor',
        cursor_name_in_request: 'cursor',
        response_path: 'data',
      },
    });
    for await (const people of pages) {
      await nango.batchSave(people, 'Person');
      for (const person of people) if (person.updated_at > since) since = person.updated_at;
    }
    if (since) await nango.saveCheckpoint({ since });
  },
});
