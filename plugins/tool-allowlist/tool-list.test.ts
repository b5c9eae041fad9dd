import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileToolList, MAX_NAME_LENGTH } from './tool-list.js';

const on = (serverId: string | undefined, name: string) => ({ serverId, name });

describe('compileToolList', () => {
  it('matches a name on every server', () => {
    const list = compileToolList(['echo']);
    expect(list(on(undefined, 'echo'))).toBe(true);
    expect(list(on('files', 'echo'))).toBe(true);
    expect(list(on('files', 'echo2'))).toBe(false);
    expect(list(on('files', 'Echo'))).toBe(false);
  });

  it('matches a name on one server only', () => {
    const list = compileToolList(['files/read']);
    expect(list(on('files', 'read'))).toBe(true);
    expect(list(on('mail', 'read'))).toBe(false);
    expect(list(on(undefined, 'read'))).toBe(false);
  });

  it('matches globs of names and of servers', () => {
    const list = compileToolList(['read_*', 'files/*', '*/list', 'get-?']);
    expect(list(on('x', 'read_file'))).toBe(true);
    expect(list(on('files', 'anything'))).toBe(true);
    expect(list(on('files', '.hidden'))).toBe(true);
    expect(list(on('mail', 'list'))).toBe(true);
    expect(list(on('mail', 'get-a'))).toBe(true);
    expect(list(on('mail', 'write_file'))).toBe(false);
    expect(list(on('mail', 'get-ab'))).toBe(false);
  });

  it('lets a star stand for everything, slashes too', () => {
    const list = compileToolList(['*']);
    fc.assert(
      fc.property(
        fc.stringMatching(/^[\w./-]{1,40}$/),
        fc.option(fc.constant('files'), { nil: undefined }),
        (name, server) => {
          expect(list(on(server, name))).toBe(true);
        },
      ),
    );
  });

  it('does not let a tool borrow the name of another server', () => {
    const list = compileToolList(['trusted/echo', 'trusted/read_*']);
    expect(list(on('evil', 'trusted/echo'))).toBe(false);
    expect(list(on('evil', 'trusted/read_x'))).toBe(false);
    expect(list(on('trusted', 'echo'))).toBe(true);
  });

  it('matches no name that is too long', () => {
    expect(compileToolList(['*'])(on('x', 'a'.repeat(MAX_NAME_LENGTH)))).toBe(true);
    expect(compileToolList(['*'])(on('x', 'a'.repeat(MAX_NAME_LENGTH + 1)))).toBe(false);
  });

  it('finds every exact name that it was given, and no other', () => {
    const name = fc.stringMatching(/^[a-z_]{1,12}$/);
    fc.assert(
      fc.property(fc.array(name), name, (entries, asked) => {
        expect(compileToolList(entries)(on('s', asked))).toBe(entries.includes(asked));
      }),
    );
  });
});
