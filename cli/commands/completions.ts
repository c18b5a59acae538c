import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

/** What may follow on the line: one entry a command. */
interface Entry {
  /** `devnet up`; '' for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly words: readonly string[];
}

/** `pyralog completions SHELL`: made from the commands themselves, so it cannot fall behind. */
export async function completions(
  context: Context,
  shell: string,
  program: Command,
): Promise<ExitCode> {
  const writer = WRITERS[shell];
  if (writer === undefined) throw cliError('cli/usage', `${shell}: known are bash, zsh, fish`);
  context.write(writer(entriesOf(program, '')));
  return EXIT.ok.code;
}

export function entriesOf(command: Command, path: string): Entry[] {
  const commands = command.commands.map((child) => child.name());
  const options = command.options.flatMap(({ long }) => (long ? [long] : []));
  const own = {
    path,
    description: command.description(),
    words: [...commands, ...options, '--help'],
  };
  const below = command.commands.flatMap((child) =>
    entriesOf(child, path === '' ? child.name() : `${path} ${child.name()}`),
  );
  return [own, ...below];
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`);
  return `# pyralog completions for bash: source <(pyralog completions bash)
_pyralog() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${entries.map(({ path }) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;;
    esac
  done
  case "\${path//\\// }" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pyralog pyralog
`;
}

function zsh(entries: readonly Entry[]): string {
  return `#compdef pyralog
# pyralog completions for zsh: source <(pyralog completions zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(entries)}`;
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ path, words }) =>
    words.map((word) => {
      const seen = path.split(' ').filter((part) => part !== '');
      const condition =
        seen.length === 0
          ? '__fish_use_subcommand'
          : seen.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c pyralog -n '${condition}' ${what}`;
    }),
  );
  return `# pyralog completions for fish: pyralog completions fish | source\n${lines.join('\n')}\n`;
}

const WRITERS: Readonly<Record<string, (entries: readonly Entry[]) => string>> = {
  bash,
  zsh,
  fish,
};
