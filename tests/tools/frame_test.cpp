// SPDX-License-Identifier: Apache-2.0
// What all commands have in common, and the commands that only list things.
#include <sys/wait.h>

#include <cstdlib>
#include <sstream>

#include "engine/op.h"
#include "tests/tools/command.h"
#include "tools/arguments.h"
#include "tools/progress.h"
#include "tools/table.h"

namespace ingrad::tools {
namespace {

using testing::HasSubstr;

class FrameTest : public CommandTest {};

TEST_F(FrameTest, HelpAndVersion) {
  const Outcome version_line = ingrad({"--version"});
  EXPECT_EQ(version_line.code, 0);
  EXPECT_EQ(version_line.out, "ingrad " + std::string(version()) + "\n");
  const Outcome help = ingrad({"--help"});
  EXPECT_EQ(help.code, 0);
  // Every command that the help names has a help of its own, with examples and the common options.
  std::istringstream lines(help.out.substr(help.out.find("Commands:\n") + 10));
  int commands = 0;
  for (std::string line; std::getline(lines, line) && line.starts_with("  "); ++commands) {
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    const Outcome o = ingrad({name, "--help"});
    EXPECT_EQ(o.code, 0) << name;
    EXPECT_EQ(o.err, "");
    for (const char* part : {"Usage: ingrad ", "Examples:\n  ingrad ", "--json", "--threads N",
                             "--seed N", "--quiet"}) {
      EXPECT_THAT(o.out, HasSubstr(part)) << name;
    }
  }
  EXPECT_GE(commands, 3);
}

TEST_F(FrameTest, RefusesWhatItDoesNotKnow) {
  expect_refusal({}, "ingrad: a command is expected; see ingrad --help");
  expect_refusal({"inof"}, "ingrad: unknown command 'inof'; did you mean \"info\"?");
  expect_refusal({"--jsno"}, "ingrad: unknown option --jsno");
  expect_refusal({"ops", "--thread=2"},
                 "ingrad ops: unknown option --thread; did you mean \"--threads\"?");
  expect_refusal({"info", "more"}, "ingrad info: unexpected argument 'more'");
  expect_refusal({"ops", "--threads", "many"},
                 "ingrad ops: --threads: 'many' is not an integer from 0 to 4096");
  expect_refusal({"ops", "--seed", "-1"},
                 "ingrad ops: --seed: '-1' is not an integer of at least 0");
  expect_refusal({"ops", "--class", "biliner"},
                 "ingrad ops: --class: 'biliner' is unknown; did you mean \"bilinear\"?");
  const Outcome o = ingrad({"info"}, {"INGRAD_ISA=mmx"});
  EXPECT_EQ(o.code, 2);
  EXPECT_THAT(o.err, HasSubstr("INGRAD_ISA is 'mmx', expected "));
}

TEST_F(FrameTest, StdoutThatIsFullIsAnError) {
  const std::string command = std::string(INGRAD_COMMAND) + " ops >/dev/full 2>" + path("err");
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 2);
  EXPECT_EQ(read("err"), "ingrad ops: cannot write to standard output: No space left on device\n");
}

TEST_F(FrameTest, JsonSaysHowItCameAbout) {
  const Outcome o = ingrad({"info", "--json", "--threads", "1", "--seed", "7", "--seed", "8"});
  EXPECT_EQ(o.code, 0);
  const Json j = o.json();
  EXPECT_EQ(j["command"], "info");
  EXPECT_EQ(j["settings"]["threads"], 1);
  EXPECT_EQ(j["ingrad"]["threads"], 1);
  EXPECT_EQ(j["ingrad"]["seed"], 8);  // the last one counts
  EXPECT_EQ(j["ingrad"]["version"], version());
  for (const auto& isa : j["instruction_sets"]["supported"]) {
    const auto forced = ingrad({"info", "--json"}, {"INGRAD_ISA=" + isa.get<std::string>()});
    EXPECT_EQ(forced.json()["instruction_sets"]["active"], isa);
  }
}

TEST_F(FrameTest, OpsListsTheWholeTable) {
  const Json all = ingrad({"ops", "--json"}).json();
  EXPECT_EQ(all["ops"].size(), op_table().all().size());
  const Json bilinear = ingrad({"ops", "--json", "--class", "bilinear"}).json()["ops"];
  for (const auto& op : bilinear) {
    EXPECT_EQ(op["class"], "bilinear");
  }
  const Json conv = ingrad({"ops", "conv", "--json"}).json()["ops"];
  ASSERT_GE(conv.size(), 3U);
  EXPECT_EQ(conv[0]["name"], "conv");
  EXPECT_EQ(conv[0]["batch"], "per_row");
  EXPECT_EQ(conv[0]["differentiable"], true);
  expect_refusal({"ops", "xonv"},
                 "ingrad ops: no op has 'xonv' in its name; did you mean \"conv\"?");
  const Json kernels = ingrad({"ops", "gemm", "--kernels", "--json"}).json()["kernels"];
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_THAT(kernels[0]["cpu"], testing::Contains(Json("f32")));
}

TEST_F(FrameTest, DatasetsSaysWhereItLooked) {
  const Outcome without = ingrad({"datasets"});
  EXPECT_EQ(without.code, 0);
  EXPECT_THAT(without.out, HasSubstr("Neither --data nor INGRAD_DATA names a folder"));
  const Json one = ingrad({"datasets", "mnist", "--data", path(""), "--json"}).json();
  ASSERT_EQ(one["datasets"].size(), 1U);
  EXPECT_EQ(one["datasets"][0]["present"], false);
  EXPECT_THAT(one["datasets"][0]["place"].get<std::string>(), HasSubstr(path("")));
  EXPECT_THAT(one["datasets"][0]["source"].get<std::string>(), HasSubstr("https://"));
  expect_refusal({"datasets", "cifra10"},
                 "ingrad datasets: data set 'cifra10' is unknown; did you mean \"cifar10\"?");
}

TEST(TableTest, AlignsBreaksAndQuotes) {
  Table t({{"name"}, {"n", Align::right}, {"text"}});
  t.add({"μ", "7", "one two three four five six seven"});
  t.add({"long name", "1234", "a, \"b\""});
  EXPECT_EQ(t.str(),
            "name          n  text\n"
            "---------  ----  ---------------------------------\n"
            "μ             7  one two three four five six seven\n"
            "long name  1234  a, \"b\"\n");
  EXPECT_EQ(t.str(37),
            "name          n  text\n"
            "---------  ----  --------------------\n"
            "μ             7  one two three four\n"
            "                 five six seven\n"
            "long name  1234  a, \"b\"\n");
  EXPECT_EQ(t.csv(),
            "name,n,text\nμ,7,one two three four five six seven\nlong name,1234,\"a, "
            "\"\"b\"\"\"\n");
  EXPECT_THROW(t.add({"one"}), Error);
}

TEST(ProgressTest, SaysRateAndTimeLeft) {
  ProgressState s{"training", "rows", 450, 1000, 10, 50, "loss 0.12"};
  EXPECT_EQ(progress_bar(s, 200),
            "training  [==========>             ]  45%  40 rows/s  0:14 left  loss 0.12");
  EXPECT_EQ(progress_bar(s, 20).size(), 20U);
  EXPECT_EQ(progress_line(s), "training: 450 of 1000 rows,  45%  40 rows/s  0:14 left  loss 0.12");
  s = {"x", "rows", 0, 0, 0, 0, ""};
  EXPECT_EQ(progress_line(s), "x: 0 of 0 rows,   0%");
  EXPECT_EQ(format_duration(59.2), "1:00");
  EXPECT_EQ(format_duration(3 * 3600 + 5 * 60), "3:05:00");
}

TEST(ArgumentsTest, Notations) {
  EXPECT_EQ(parse_bytes("1000", "x"), 1000);
  EXPECT_EQ(parse_bytes("1.5MB", "x"), 1500000);
  EXPECT_EQ(parse_bytes("2GiB", "x"), std::int64_t{2} << 30);
  for (const char* bad : {"", "MB", "1XB", "-1", "1e9", "99999999999TB", "1.2.3", "nan"}) {
    EXPECT_THROW(parse_bytes(bad, "x"), Error) << bad;
  }
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1500000), "1.5 MB");
  EXPECT_EQ(parse_list("a,b", "x"), (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW(parse_list("a,,b", "x"), Error);
  EXPECT_THROW(parse_list("", "x"), Error);
  EXPECT_EQ(integer_in(1, 3)("2"), "");
  EXPECT_NE(integer_in(1, 3)("2.0"), "");
  EXPECT_EQ(number_in(0, 1)("0.5"), "");
  EXPECT_NE(number_in(0, 1)("nan"), "");
}

}  // namespace
}  // namespace ingrad::tools
