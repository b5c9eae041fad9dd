/** Where a PostgreSQL server is and as whom to connect, all of it said: nothing is left to an environment or a file. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty when the URL has none. */
  readonly password: string;
  readonly database: string;
  /** Absent parameters of TLS are Node's own: the system's certificates, checked. */
  readonly ssl: boolean | { readonly rejectUnauthorized: false };
  readonly applicationName: string;
  /** What the server sets for the session, such as `-c search_path=shop`; as it was written, for the server alone. */
  readonly options?: string;
  readonly connectTimeoutMs: number;
}

export type ParsedPostgresUrl =
  | { readonly ok: true; readonly address: PostgresAddress }
  /** The message shows nothing of the URL, which holds a password. */
  | { readonly ok: false; readonly message: string };

const DEFAULT_PORT = 5432;
const APPLICATION_NAME = 'bulkhead-datasource';
/** Longest name that a server keeps, in bytes; longer ones are cut there. */
const MAX_NAME_CHARS = 63;

/** TLS by `sslmode`. Without the certificate of a server no mode says who it is, so each that is not `no-verify` checks it. */
const SSL_MODES: ReadonlyMap<string, PostgresAddress['ssl']> = new Map<string, PostgresAddress['ssl']>([
  ['disable', false],
  ['no-verify', { rejectUnauthorized: false }],
  ['require', true],
  ['verify-ca', true],
  ['verify-full', true],
]);
const PARAMETERS: readonly string[] = ['sslmode', 'application_name', 'connect_timeout', 'options'];
const CONNECT_TIMEOUT_S = '5';

/**
 * Takes a `postgres://user:password@host:port/database` URL apart. Parameters that a driver would take for files, sockets or
 * another server are not among those that it may have.
 */
export function parsePostgresUrl(text: string): ParsedPostgresUrl {
  const url = URL.parse(text);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol))
    return wrong('expected a postgres://user:password@host:port/database URL');
  const { hostname, username, password: hidden, pathname, searchParams } = url;
  const decoded = [hostname, username, hidden, pathname.replace(/^\//, '')].map((part) => decode(part));
  const [host, user, password, database] = decoded;
  if ([...searchParams.values()].some((value) => value.includes('\0')))
    return wrong('expected parameters without a character of nothing');
  if (host === undefined || user === undefined || password === undefined || database === undefined)
    return wrong('expected special characters as %XX of UTF-8, got something else');
  if (!/^(?:\[[0-9a-f:.]+\]|[\w.-]+)$/i.test(host))
    return wrong('expected the name or address of a server; a socket in the file system is none');
  if (user === '') return wrong('expected a user before the host, as in postgres://user@host/database');
  if ([...searchParams.keys()].some((key) => !PARAMETERS.includes(key)))
    return wrong(`expected no other parameter than ${PARAMETERS.join(', ')}`);
  const ssl = SSL_MODES.get(searchParams.get('sslmode') ?? 'disable');
  if (ssl === undefined) return wrong(`expected an sslmode of ${[...SSL_MODES.keys()].join(', ')}`);
  const seconds = searchParams.get('connect_timeout') ?? CONNECT_TIMEOUT_S;
  if (!/^[1-9]\d?$/.test(seconds)) return wrong('expected a connect_timeout of 1 to 99 seconds');
  const name = searchParams.get('application_name') ?? APPLICATION_NAME;
  const options = searchParams.get('options');
  return {
    ok: true,
    address: {
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || DEFAULT_PORT,
      user,
      password,
      database: database === '' ? user : database,
      ssl,
      applicationName: name.slice(0, MAX_NAME_CHARS),
      connectTimeoutMs: Number(seconds) * 1_000,
      ...(options === null ? {} : { options }),
    },
  };
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    // A server ends a name there, and takes what follows for something else.
    return decoded.includes('\0') ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function wrong(message: string): ParsedPostgresUrl {
  return { ok: false, message };
}
