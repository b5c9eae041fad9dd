import type { AskedDatasource } from './requests.js';

const HIDDEN = '[redacted]';

/** For those who only decide: what is secret in a request stays in it. */
export function withoutSecrets(datasource: AskedDatasource): AskedDatasource {
  const { url, http } = datasource;
  return {
    ...datasource,
    ...(url === undefined ? {} : { url: HIDDEN }),
    ...(http?.headers === undefined
      ? {}
      : {
          http: {
            ...http,
            headers: Object.fromEntries(Object.keys(http.headers).map((name) => [name, HIDDEN])),
          },
        }),
  };
}

/** Puts in what the plugin was not allowed to see: `url`, or `headers` of an HTTP source. */
export function withSecrets(
  datasource: AskedDatasource,
  secrets: Readonly<Record<string, unknown>> = {},
): AskedDatasource {
  const { url, headers } = secrets;
  return {
    ...datasource,
    ...(typeof url === 'string' ? { url } : {}),
    ...(isTexts(headers) && datasource.http !== undefined
      ? { http: { ...datasource.http, headers: { ...datasource.http.headers, ...headers } } }
      : {}),
  };
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}
