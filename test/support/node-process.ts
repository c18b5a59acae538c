/** Real node processes and real command lines, for test/e2e. Nothing is left behind: see {@link Workspace.remove}. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tidy.ts';

const MAIN = join(root, 'cli', 'main.ts');

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary directory with the processes that were started in it. */
export class Workspace {
  readonly dir: string;
  readonly #children = new Set<ChildProcess>();

  constructor(dir: string = mkdtempSync(join(tmpdir(), 'pyralog-e2e-'))) {
    this.dir = dir;
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Runs the CLI to its end. */
  cli(args: readonly string[], options: { input?: string } = {}): Promise<CliResult> {
    const child = this.#spawn(args, options.input === undefined ? 'ignore' : 'pipe');
    child.stdin?.end(options.input);
    return ended(child);
  }

  /** Starts the CLI and leaves it running; {@link remove} kills it at the latest. */
  launch(args: readonly string[]): { child: ChildProcess; exit: Promise<CliResult> } {
    const child = this.#spawn(args, 'ignore');
    return { child, exit: ended(child) };
  }

  /** Runs the CLI, which must succeed, and returns its `--json` answer. */
  async json<T>(args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli([...args, '--json']);
    if (code !== 0) throw new Error(`pyralog ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Starts a node on the data that `init` made here, and waits until it answers. */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
    const all = { 'rpc.port': '0', 'rpc.adminPort': '0', logLevel: 'warn', ...settings };
    const sets = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const child = this.#spawn(['start', '--json', ...sets], 'ignore');
    const exit = ended(child);
    const said = new Promise<string>((resolve) => {
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk;
        if (isWhole(text)) resolve(text);
      });
    });
    const first = await Promise.race([said, exit]);
    const ready = typeof first === 'string' ? (JSON.parse(first) as Partial<Ready>) : {};
    if (ready.address === undefined) {
      const { code, stdout, stderr } = await exit;
      throw new Error(`the node did not start (exit ${code}): ${stdout}${stderr}`);
    }
    return new NodeProcess(child, exit, ready as Ready);
  }

  /** Kills what still runs and deletes the directory. */
  async remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all([...this.#children].map((child) => ended(child)));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawn(args: readonly string[], stdin: 'ignore' | 'pipe'): ChildProcess {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PYRALOG_'));
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.dir,
      env: { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: this.path('xdg') },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }
}

interface Ready {
  readonly address: { readonly host: string; readonly port: number };
  readonly adminAddress: { readonly host: string; readonly port: number };
  readonly networkId: string;
  readonly origin: string;
  readonly recovery: {
    readonly clean: boolean;
    readonly readOnly: boolean;
    readonly cutBytes: number;
    readonly records: number;
    readonly damage?: string;
  };
}

export class NodeProcess {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #exit: Promise<CliResult>;

  constructor(child: ChildProcess, exit: Promise<CliResult>, ready: Ready) {
    this.#child = child;
    this.#exit = exit;
    this.ready = ready;
  }

  get url(): string {
    return `ws://${this.ready.address.host}:${this.ready.address.port}`;
  }

  get http(): string {
    return this.url.replace('ws', 'http');
  }

  /** What a pulled plug does to a process. */
  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<CliResult> {
    this.#child.kill('SIGTERM');
    return this.#exit;
  }

  exited(): Promise<CliResult> {
    return this.#exit;
  }
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // more is to come
  }
}

const endings = new WeakMap<ChildProcess, Promise<CliResult>>();

function ended(child: ChildProcess): Promise<CliResult> {
  const known = endings.get(child);
  if (known !== undefined) return known;
  const ending = new Promise<CliResult>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code: code ?? (signal ? 128 : 1), stdout, stderr }),
    );
  });
  endings.set(child, ending);
  return ending;
}
