/** What a plugin may do besides handling hooks, as `bulkhead new` writes it. */
export const PLUGIN_KINDS = [
  'object-hooks',
  'tools',
  'commands',
  'routes',
  'rpc',
  'events',
  'schedules',
] as const;
export type PluginKind = (typeof PLUGIN_KINDS)[number];

export function isPluginKind(name: string): name is PluginKind {
  return PLUGIN_KINDS.some((kind) => kind === name);
}

/** One kind in each file of a package. */
export interface KindTemplate {
  /** For who is asked. */
  readonly description: string;
  /** Members of the manifest, as YAML at the outermost level. */
  readonly manifest?: string;
  /** What stands under `contributes`, indented by two. */
  readonly contributes?: string;
  /** Scopes that the code needs. */
  readonly services?: readonly string[];
  /** What `compat.api` names. */
  readonly api?: string;
  /** A member of what setup returns, indented by four. */
  readonly code: string;
  /** What a test says, and what it does with `t`, a plugin whose `note` is `hello`. */
  readonly test: { readonly name: string; readonly body: string };
}

export const KIND_TEMPLATES: Readonly<Record<PluginKind, KindTemplate>> = {
  'object-hooks': {
    description: 'looks at LLMs, tools, users … before they are kept, and after',
    manifest: `# Objects that it sees, and when. An operator grants each.
object_hooks:
  - { object: llm, hooks: [before_create], priority: 20 }
`,
    api: 'objects-v1',
    code: `    objectHooks: {
      llm: {
        before_create(_llm, ctx) {
          // Nothing returned keeps it as it is. modify({ … }) changes it, deny({ code, reason }) refuses it.
          ctx.metadata.set('note', config.note);
        },
      },
    },`,
    test: {
      name: 'a new LLM is kept with a note',
      body: `  const answer = await t.objectHook('llm', 'before_create', { name: 'Example', slug: 'example', vendor: 'example' });
  assert.equal(answer.allowed, true);
  assert.equal(answer.metadata['note'], 'hello');`,
    },
  },
  tools: {
    description: 'offers tools to MCP clients, once an operator lists them under tools.expose',
    contributes: `  tools:
    - name: greet
      description: Greets somebody.
      effect: read_only
      input:
        type: object
        additionalProperties: false
        required: [name]
        properties: { name: { type: string } }
      output:
        type: object
        additionalProperties: false
        required: [text]
        properties: { text: { type: string } }
`,
    code: `    tools: {
      greet({ name }) {
        return { text: \`\${config.note}, \${name}\` };
      },
    },`,
    test: {
      name: 'the tool greet answers by its schema',
      body: `  assert.deepEqual(await t.tool('greet', { name: 'Ann' }), { text: 'hello, Ann' });
  await assert.rejects(t.tool('greet', {}), { code: 'INVALID_ARGUMENT' });`,
    },
  },
  commands: {
    description: 'answers slash commands',
    contributes: `  commands:
    - name: show-note
      description: Shows the note.
`,
    code: `    commands: {
      'show-note'() {
        return config.note;
      },
    },`,
    test: {
      name: 'the command show-note answers with the note',
      body: `  assert.equal(await t.command('show-note'), 'hello');`,
    },
  },
  routes: {
    description: 'answers HTTP requests under /plugins/<id>',
    contributes: `  routes:
    - { path: /note, methods: [GET], auth: app }
`,
    code: `    routes: {
      'GET /note'() {
        return { json: { note: config.note } };
      },
    },`,
    test: {
      name: 'GET /note answers with the note',
      body: `  const answer = await t.route('GET /note');
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json(), { note: 'hello' });`,
    },
  },
  rpc: {
    description: 'has methods that operators call with bulkhead plugin call',
    manifest: `# Methods for operators. Whoever has the role, or a higher one, may call them.
rpc:
  methods:
    status: { min_role: viewer }
`,
    api: 'rpc-v1',
    code: `    rpc: {
      status() {
        return { note: config.note };
      },
    },`,
    test: {
      name: 'the method status answers with the note',
      body: `  assert.deepEqual(await t.rpc('status'), { note: 'hello' });`,
    },
  },
  events: {
    description: 'hears of what happens in the host, and of what other plugins publish',
    services: ['events.subscribe'],
    api: 'events-v1',
    code: `    events: {
      // A part may be *, and the rest **. An event may come again: event.id tells.
      'system.llm.*'(event, ctx) {
        ctx.log.info('heard', { topic: event.topic });
      },
    },`,
    test: {
      name: 'a changed LLM is heard of',
      body: `  await t.event('system.llm.created', { id: 'example' });
  assert.ok(t.logs.some(({ message, fields }) => message === 'heard' && fields['topic'] === 'system.llm.created'));`,
    },
  },
  schedules: {
    description: 'works at set times',
    contributes: `  schedules:
    - { name: nightly, cron: '0 3 * * *' }
`,
    code: `    schedules: {
      nightly(run, ctx) {
        ctx.log.info('ran', { note: config.note, by_hand: run.byHand });
      },
    },`,
    test: {
      name: 'the schedule nightly runs',
      body: `  await t.schedule('nightly');
  assert.ok(t.logs.some(({ message, fields }) => message === 'ran' && fields['note'] === 'hello'));`,
    },
  },
};
