/** reference 16.4: what a client brings, and what it says of a place that it could not bring. */
import { Positions } from '../../lib/client/positions.js';

function following(count: number): Positions {
  const positions = new Positions();
  for (let index = 1; index <= count; index++) {
    positions.apply(['hello', { id: index, heartbeat: 0 }]);
    positions.apply(['topic', `t${index}`, 'e', index]);
  }
  return positions;
}

describe('the positions of a client', () => {
  it('16.4 a server that takes no such long frame is told half as much, then less, down to nothing', () => {
    const positions = following(8);
    const told = () => [positions.header[1].length, positions.header[2].map(([topic]) => topic)];
    expect(told()).toEqual([8, ['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8']]);
    positions.shorten();
    expect(told()).toEqual([4, ['t5', 't6', 't7', 't8']]);
    positions.shorten();
    expect(told()).toEqual([2, ['t7', 't8']]);
    positions.shorten();
    positions.shorten();
    expect(told()).toEqual([1, []]);
  });

  it('16.4 the newest 1,000 topics are told, and what was missed of the others is known', () => {
    const positions = following(1002);
    expect(positions.header[2]).toHaveLength(1000);
    expect(positions.header[2][0]).toEqual(['t3', 'e', 3]);
    // The server was not told where the client stood, and begins where the topic is live.
    expect(positions.apply(['topic', 't1', 'e', 5])).toEqual({ t1: { recovered: false, lost: 4 } });
    expect(positions.apply(['topic', 't2', 'other', 5])).toEqual({
      t2: { recovered: false, lost: undefined },
    });
    expect(positions.apply(['topic', 't2', 'other', 5])).toBeUndefined();
    // It asked for a part of the past once more, or was told what became of its place.
    expect(positions.apply(['topic', 't9', 'e', 3])).toBeUndefined();
    expect(positions.apply(['topic', 't10', 'e', 30, true, 0])).toBeUndefined();
  });
});
