// The model. MODEL_URL names an API that speaks as OpenAI's does, such as https://api.openai.com/v1, with MODEL_KEY and
// MODEL. Without one, sentences that came with this product are filled in, which costs nothing and needs no account.
const { MODEL_URL, MODEL_KEY, MODEL } = process.env;

export const tones = ['plain', 'cheerful', 'formal'];
export const longestBrief = 300;

/** Says what is wrong with a brief, or nothing. */
export function faultOf({ about, tone }) {
  if (!about) return 'Say what it is about.';
  if (about.length > longestBrief) return `Say it in ${longestBrief} characters at the most: these are ${about.length}.`;
  if (!tones.includes(tone)) return 'Choose one of the tones.';
}

/** Writes a text, piece by piece. */
export async function* write(brief) {
  yield* MODEL_URL ? asked(brief) : filledIn(brief);
}

async function* asked({ about, tone }) {
  const answer = await fetch(`${MODEL_URL.replace(/\/+$/, '')}/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${MODEL_KEY}` },
    body: JSON.stringify({
      model: MODEL, stream: true, max_completion_tokens: 200,
      messages: [
        { role: 'system', content: `You write what shops say of a product: three sentences, in a ${tone} tone, without headings.` },
        { role: 'user', content: about },
      ],
    }),
    signal: AbortSignal.timeout(60_000),
  });
  if (!answer.ok) throw new Error(`the model answers ${answer.status}: ${await answer.text()}`);
  let any = false;
  for await (const line of lines(answer.body)) {
    if (!line.startsWith('data:')) continue;
    const said = line.slice('data:'.length).trim();
    if (said === '[DONE]') {
      if (!any) throw new Error('the model said nothing');
      return;
    }
    const piece = JSON.parse(said).choices?.[0]?.delta?.content;
    if (!piece) continue;
    any = true;
    yield piece;
  }
  throw new Error('the model stopped in the middle');
}

async function* lines(body) {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const all = (rest + chunk).split('\n');
    rest = all.pop();
    yield* all;
  }
  if (rest) yield rest;
}

const sentences = {
  plain: [['Meet', 'This is'], ['It does one thing, and does it well.', 'It is made with care, and made to last.'], ['Try it, and keep it if you like it.', 'You will wonder how you did without.']],
  cheerful: [['Say hello to', 'Look who is here:'], ['Your Mondays will never be the same!', 'It is a small thing that makes a big day!'], ['Go on, treat yourself!', 'Take one home, they love company!']],
  formal: [['We are pleased to present', 'It is our privilege to introduce'], ['It meets the highest of standards.', 'Its qualities speak for themselves.'], ['We remain at your disposal.', 'We look forward to your order.']],
};

function* filledIn({ about, tone }) {
  const [opening, middle, end] = sentences[tone].map((choices) => choices[Math.floor(Math.random() * choices.length)]);
  const it = about[0].toLowerCase() + about.slice(1).replace(/[.!?]+$/, '');
  for (const word of `${opening} ${it}. ${middle} ${end}`.split(/(?<= )/)) yield word;
}
