// SPDX-License-Identifier: Apache-2.0
#include "engine/io/csv.h"

#include <cmath>

#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

using Rows = std::vector<std::vector<std::string>>;

TEST(CsvTest, QuotesLineEndsAndEmptyFields) {
  const CsvTable t =
      parse_csv("a,\"b,c\",d\r\n\"say \"\"hi\"\"\",,\"two\nlines\"\r\n\r\n x ,\"\",3",
                {.separator = ',', .header = false});
  EXPECT_EQ(t.rows, (Rows{{"a", "b,c", "d"}, {"say \"hi\"", "", "two\nlines"}, {"x", "", "3"}}));
  EXPECT_EQ(t.columns, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(parse_csv("a,\n", {.separator = ','}).rows, (Rows{{"a", ""}}));
  EXPECT_EQ(parse_csv("a,", {.separator = ','}).rows, (Rows{{"a", ""}}));
  EXPECT_EQ(parse_csv(" a , b", {.separator = ',', .trim = false}).rows, (Rows{{" a ", " b"}}));
  EXPECT_TRUE(parse_csv("").rows.empty());
  EXPECT_TRUE(parse_csv("\n\r\n\n").rows.empty());
}

TEST(CsvTest, DetectsSeparatorAndHeader) {
  const Rows expected{{"1", "2"}, {"3", "4"}};
  for (const auto& [text, separator] :
       {std::pair("x,y\n1,2\n3,4\n", ','), std::pair("x\ty\n1\t2\n3\t4\n", '\t'),
        std::pair("x;y\n1;2\n3;4\n", ';'), std::pair("  x   y\n1 2  \n 3  4\n", ' '),
        std::pair("\xef\xbb\xbfx,y\n1, 2\n3, 4\n", ',')}) {
    const CsvTable t = parse_csv(text);
    EXPECT_EQ(t.rows, expected) << text;
    EXPECT_EQ(t.columns, (std::vector<std::string>{"x", "y"})) << text;
    EXPECT_EQ(t.separator, separator);
    EXPECT_TRUE(t.has_header);
  }
  EXPECT_FALSE(parse_csv("1,2\n3,4\n").has_header);
  EXPECT_FALSE(parse_csv("a,b\nc,d\n").has_header);
  EXPECT_TRUE(parse_csv("a,b\nc,d\n", {.header = true}).has_header);
  // Decimal commas and sentences with commas do not hide the tabs.
  EXPECT_EQ(parse_csv("well, yes\t1\nno\t0\n").separator, '\t');
}

TEST(CsvTest, NumbersAndMissing) {
  const CsvTable t = parse_csv("x,y\n1.5,a\n?,b\n+2e3,?\n,c\n", {.missing = "?"});
  const std::vector<double> x = t.numbers(t.column("x"));
  EXPECT_EQ(x[0], 1.5);
  EXPECT_TRUE(std::isnan(x[1]));
  EXPECT_EQ(x[2], 2000);
  EXPECT_TRUE(std::isnan(x[3]));
  EXPECT_EQ(t.rows[2][1], "");
  expect_error([&] { t.numbers(1); }, "row 1 of column 'y': \"a\" is no number");
  expect_error([&] { t.numbers(2); }, "no column 2");
  expect_error([&] { t.column("z"); }, "no column 'z'; there are x, y");
  EXPECT_FALSE(parse_number("1.5x"));
  EXPECT_FALSE(parse_number(""));
  EXPECT_FALSE(parse_number("nan"));
  EXPECT_FALSE(parse_number("++1"));
  EXPECT_FALSE(parse_number("+-1"));
  EXPECT_FALSE(parse_number("1e999"));
}

TEST(CsvTest, DamagedTextIsRefused) {
  const auto refuse = [](std::string_view text, const char* why) {
    expect_error([&] { parse_csv(text, {.separator = ','}, "t.csv"); }, why);
  };
  refuse("a,b\nc\n", "t.csv, line 2: 1 fields, expected 2");
  refuse("a,b\n\"two\nlines\",d\ne\n", "t.csv, line 4: 1 fields");
  refuse("a,\"b\nc", "t.csv, line 1: a quote is not closed");
  refuse("a,\"b\"c\n", "t.csv, line 1: text after a closing quote in field 2");
  refuse(std::string_view("a,\0\n", 4), "t.csv, line 1: a byte 0");
  expect_error([] { parse_csv("", {.header = true}, "t.csv"); }, "no header line");
  expect_error([] { parse_csv("", {.separator = '|'}); }, "separator '|'");
  expect_error([] { read_csv("/nowhere/t.csv"); }, "/nowhere/t.csv");
}

TEST(CsvTest, RealTables) {
  INGRAD_NEED_DATA("tabular/cal_housing.csv.gz");
  const std::string folder = real_data();
  const CsvTable housing = read_csv(folder + "/tabular/cal_housing.csv.gz");
  EXPECT_TRUE(housing.has_header);
  EXPECT_EQ(housing.rows.size(), 20640u);
  double sum = 0;
  for (const double v : housing.numbers(housing.column("median_house_value"))) sum += v;
  EXPECT_NEAR(sum / 20640, 206855.8, 0.05);
  const CsvTable german = read_csv(folder + "/tabular/german.data");
  EXPECT_EQ(german.separator, ' ');
  EXPECT_FALSE(german.has_header);
  EXPECT_EQ(german.rows.size(), 1000u);
  EXPECT_EQ(german.columns.size(), 21u);
  const CsvTable adult =
      read_csv(folder + "/tabular/adult.first8000.data.gz", {.header = false, .missing = "?"});
  EXPECT_EQ(adult.separator, ',');
  EXPECT_EQ(adult.rows.size(), 8000u);
  int incomplete = 0;
  for (const auto& row : adult.rows) {
    incomplete += std::find(row.begin(), row.end(), "") != row.end() ? 1 : 0;
  }
  EXPECT_EQ(incomplete, 621);
  const CsvTable questions = read_csv(folder + "/text/TruthfulQA.csv.gz", {.header = true});
  EXPECT_EQ(questions.rows.size(), 817u);
  EXPECT_EQ(questions.columns[4], "Correct Answers");
  EXPECT_EQ(read_csv(folder + "/text/sentiment-amazon.tsv.gz", {.separator = '\t', .header = false})
                .rows.size(),
            1000u);
}

}  // namespace
}  // namespace ingrad
