import { createSync } from 'nango';
import * as z from 'zod';

const Item = z.object({ id: z.string(), name: z.string() });
const paginate = {
  type: 'cursor',
  cursor_path_in_response: 'next_cursor',
  cursor_name_in_request: 'cursor',
  response_path: 'data',
} as const;

export default createSync({
  description: 'Projects and their tasks',
  frequency: 'every hour',
  models: { Project: Item, Task: Item },
  exec: async (nango) => {
    for await (const projects of nango.paginate({ endpoint: '/projects', paginate })) {
      await nango.batchSave(projects, 'Project');
      for (const project of projects) {
        const pages = nango.paginate({ endpoint: `/projects/${project.id}/tasks`, paginate });
        for await (const tasks of pages) await nango.batchSave(tasks, 'Task');
      }
    }
  },
});
