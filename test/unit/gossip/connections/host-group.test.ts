import { expect, test } from "vitest";
import { hostGroup } from "../../../../src/gossip/connections/host-group.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["::1", "0:0:0:0"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["", ""],
])("the host of %s counts as %s", (ip, group) => {
  expect(hostGroup(ip)).toBe(group);
});
