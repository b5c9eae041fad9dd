const text = { type: 'string' };

// An empty mount is what reference pages print where they leave the mount out.
const mount = {
  type: 'object',
  additionalProperties: false,
  description: 'The web component to show.',
  properties: {
    kind: { const: 'webc', description: 'Only web components.' },
    tag: {
      type: 'string',
      pattern: '^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$',
      'x-expected': 'the name of a custom element, with a dash',
    },
    entry: {
      type: 'string',
      minLength: 1,
      description: 'The JavaScript file, relative to the package root.',
    },
    props: { type: 'object', description: 'Properties that the component gets.' },
  },
  dependentRequired: { kind: ['tag', 'entry'], tag: ['kind', 'entry'], entry: ['kind', 'tag'] },
};

const minRole = { enum: ['viewer', 'operator', 'admin'], description: 'The lowest role that sees it.' };
const path = { type: 'string', pattern: '^/', 'x-expected': 'a path that starts with /' };

/** The part of the manifest's schema that is about the admin UI. */
export const MANIFEST_UI: Readonly<Record<string, unknown>> = {
  ui: {
    type: 'object',
    additionalProperties: false,
    description: 'Where it appears in the admin UI.',
    properties: {
      slots: {
        type: 'array',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['slot', 'label'],
          properties: {
            slot: {
              enum: [
                'sidebar.section',
                'sidebar.link',
                'settings.section',
                'app.detail.tab',
                'llm.detail.tab',
              ],
            },
            label: { type: 'string', minLength: 1 },
            icon: text,
            path,
            mount,
            min_role: minRole,
            items: {
              type: 'array',
              items: {
                type: 'object',
                additionalProperties: false,
                required: ['type', 'path', 'title'],
                properties: {
                  type: { const: 'route' },
                  path,
                  title: { type: 'string', minLength: 1 },
                  mount,
                  min_role: minRole,
                },
              },
            },
          },
        },
      },
    },
  },
  rpc: {
    type: 'object',
    additionalProperties: false,
    description: "Methods that the plugin's pages call.",
    properties: {
      basePath: path,
      methods: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          properties: { input: { type: 'object' }, output: { type: 'object' }, min_role: minRole },
        },
      },
    },
  },
  assets: {
    type: 'array',
    items: { type: 'string', minLength: 1 },
    description: 'Files that it serves, relative to the package root.',
  },
  security: {
    type: 'object',
    additionalProperties: false,
    properties: {
      csp: {
        ...text,
        description: "Content security policy of the plugin's pages; intersected with the host's.",
      },
    },
  },
};
