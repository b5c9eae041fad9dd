/** Lines of Prometheus' text format. */
export interface MetricsLines {
  /** Begins a metric; its samples follow. */
  family(name: string, type: string, help: string): void;
  sample(name: string, labels: Readonly<Record<string, string>>, value: number): void;
  text(): string;
}

export function createMetricsLines(): MetricsLines {
  const lines: string[] = [];
  return {
    family(name, type, help) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    },
    sample(name, labels, value) {
      const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
      lines.push(`${name}${said.length === 0 ? '' : `{${said.join(',')}}`} ${value}`);
    },
    text: () => `${lines.join('\n')}\n`,
  };
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
