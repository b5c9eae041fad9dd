import { definePlugin, deny } from '@bulkhead/sdk';
import { createNoteStore } from './note-store.js';
import type { NotesConfig, NotesTypes } from './plugin-types.js';

const LARGEST_LIST = 1_000;

export default definePlugin<NotesConfig, NotesTypes>(({ host, config }) => {
  const notes = createNoteStore(host.kv, config.keep_days);
  const noNote = (id: string) =>
    deny({ code: 'NO_SUCH_NOTE', reason: `There is no note ${id}`, http_status_code: 404 });

  return {
    tools: {
      async save_note({ text, tags = [] }, ctx) {
        const { id } = await notes.save(ctx.appId, text, tags, new Date());
        ctx.log.info('a note was saved', { id, length: text.length });
        return { id };
      },
    },

    commands: {
      async notes({ tag }, ctx) {
        const found = await notes.list(ctx.appId, config.listed, tag);
        if (found.length === 0) return tag === undefined ? 'No notes yet.' : `No notes with the tag ${tag}.`;
        return found.map(({ id, text }) => `${id}. ${text.split('\n', 1)[0] ?? ''}`).join('\n');
      },
    },

    routes: {
      async 'GET /notes'({ query }, ctx) {
        const tag = query.get('tag') ?? undefined;
        return { json: { notes: await notes.list(ctx.appId, LARGEST_LIST, tag) } };
      },
      async 'GET /notes/{id}'({ params: { id = '' } }, ctx) {
        const note = await notes.get(ctx.appId, toNumber(id));
        return note === undefined ? noNote(id) : { json: note };
      },
      async 'DELETE /notes/{id}'({ params: { id = '' } }, ctx) {
        return (await notes.delete(ctx.appId, toNumber(id))) ? undefined : noNote(id);
      },
    },
  };
});

/** 0, which no note has, for what is no number. */
function toNumber(id: string): number {
  return /^\d{1,12}$/.test(id) ? Number(id) : 0;
}
