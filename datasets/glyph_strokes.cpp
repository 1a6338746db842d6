// SPDX-License-Identifier: Apache-2.0
#include "datasets/glyph_strokes.h"

namespace ingrad {
namespace {

constexpr bool kLines = false;

// 0: an oval, and a narrow one.
constexpr Point kOval[] = {{.5, 0}, {.82, .15}, {.92, .5}, {.82, .85},
                           {.5, 1}, {.18, .85}, {.08, .5}, {.18, .15}};
constexpr Point kNarrow[] = {{.5, 0},  {.72, .2}, {.76, .5}, {.68, .82},
                             {.48, 1}, {.28, .8}, {.24, .5}, {.3, .2}};
constexpr Stroke kZeroOval[] = {{kOval, true, true}};
constexpr Stroke kZeroNarrow[] = {{kNarrow, true, true}};
constexpr Style kZero[] = {kZeroOval, kZeroNarrow};

// 1: a bar, with an upstroke, with a foot.
constexpr Point kBar[] = {{.5, 0}, {.5, 1}};
constexpr Point kUpstroke[] = {{.24, .28}, {.54, 0}, {.54, 1}};
constexpr Point kFoot[] = {{.26, 1}, {.8, 1}};
constexpr Stroke kOnePlain[] = {{kBar, kLines}};
constexpr Stroke kOneFlag[] = {{kUpstroke, kLines}};
constexpr Stroke kOneFoot[] = {{kUpstroke, kLines}, {kFoot, kLines}};
constexpr Style kOne[] = {kOnePlain, kOneFlag, kOneFoot};

// 2: with a sharp corner, with a loop.
constexpr Point kSwan[] = {{.12, .25}, {.3, .05},  {.6, 0}, {.85, .2},
                           {.74, .48}, {.42, .76}, {.08, 1}};
constexpr Point kBase[] = {{.08, 1}, {.92, 1}};
constexpr Point kLooped[] = {{.15, .2},  {.45, 0},  {.8, .18}, {.72, .5},  {.4, .85},
                             {.15, .98}, {.1, .82}, {.32, .8}, {.62, .96}, {.92, .92}};
constexpr Stroke kTwoSharp[] = {{kSwan}, {kBase, kLines}};
constexpr Stroke kTwoLooped[] = {{kLooped}};
constexpr Style kTwo[] = {kTwoSharp, kTwoLooped};

// 3: two bows, and one with a flat top.
constexpr Point kUpperBow[] = {{.15, .13}, {.45, 0}, {.8, .13}, {.76, .38}, {.4, .48}};
constexpr Point kLowerBow[] = {{.4, .48}, {.8, .57}, {.9, .8}, {.55, 1}, {.1, .9}};
constexpr Point kFlatTop[] = {{.14, 0}, {.84, 0}, {.42, .42}};
constexpr Point kBelly[] = {{.42, .42}, {.8, .5}, {.9, .76}, {.56, 1}, {.1, .9}};
constexpr Stroke kThreeBows[] = {{kUpperBow}, {kLowerBow}};
constexpr Stroke kThreeFlat[] = {{kFlatTop, kLines}, {kBelly}};
constexpr Style kThree[] = {kThreeBows, kThreeFlat};

// 4: closed, and open at the top.
constexpr Point kAngle[] = {{.66, 0}, {.08, .68}, {.95, .68}};
constexpr Point kStem[] = {{.66, 0}, {.66, 1}};
constexpr Point kOpenAngle[] = {{.2, .02}, {.12, .52}, {.84, .52}};
constexpr Point kOpenStem[] = {{.82, 0}, {.76, 1}};
constexpr Stroke kFourClosed[] = {{kAngle, kLines}, {kStem, kLines}};
constexpr Stroke kFourOpen[] = {{kOpenAngle, kLines}, {kOpenStem, kLines}};
constexpr Style kFour[] = {kFourClosed, kFourOpen};

// 5: angular, and in one sweep.
constexpr Point kFlag[] = {{.86, 0}, {.25, 0}, {.2, .44}};
constexpr Point kFiveBow[] = {{.2, .44}, {.52, .36}, {.86, .56}, {.8, .86}, {.46, 1}, {.1, .9}};
constexpr Point kSweep[] = {{.85, .03}, {.5, .04},  {.28, .14}, {.24, .36}, {.55, .44},
                            {.84, .62}, {.72, .92}, {.4, 1},    {.12, .9}};
constexpr Stroke kFiveAngular[] = {{kFlag, kLines}, {kFiveBow}};
constexpr Stroke kFiveSweep[] = {{kSweep}};
constexpr Style kFive[] = {kFiveAngular, kFiveSweep};

// 6: curved, and with a straight back.
constexpr Point kSix1[] = {{.78, .04}, {.42, .18}, {.16, .55}, {.22, .87}, {.5, 1},
                           {.8, .88},  {.82, .64}, {.54, .5},  {.22, .64}};
constexpr Point kSix2[] = {{.56, 0},   {.34, .32}, {.18, .7},  {.32, .96},
                           {.66, .96}, {.78, .72}, {.52, .54}, {.22, .72}};
constexpr Stroke kSixCurved[] = {{kSix1}};
constexpr Stroke kSixStraight[] = {{kSix2}};
constexpr Style kSix[] = {kSixCurved, kSixStraight};

// 7: plain, with a bar, with a curved stem.
constexpr Point kSevenLine[] = {{.1, 0}, {.88, 0}, {.38, 1}};
constexpr Point kSevenBar[] = {{.3, .5}, {.8, .5}};
constexpr Point kSevenTop[] = {{.1, .1}, {.14, 0}, {.88, 0}};
constexpr Point kSevenStem[] = {{.88, 0}, {.62, .36}, {.48, .7}, {.44, 1}};
constexpr Stroke kSevenPlain[] = {{kSevenLine, kLines}};
constexpr Stroke kSevenBarred[] = {{kSevenLine, kLines}, {kSevenBar, kLines}};
constexpr Stroke kSevenCurved[] = {{kSevenTop, kLines}, {kSevenStem}};
constexpr Style kSeven[] = {kSevenPlain, kSevenBarred, kSevenCurved};

// 8: one crossing line, and two rings.
constexpr Point kEight[] = {{.5, .47}, {.2, .22},  {.5, 0}, {.8, .22},
                            {.5, .47}, {.13, .75}, {.5, 1}, {.87, .75}};
constexpr Point kUpperRing[] = {{.5, 0}, {.76, .22}, {.5, .45}, {.24, .22}};
constexpr Point kLowerRing[] = {{.5, .45}, {.88, .72}, {.5, 1}, {.12, .72}};
constexpr Stroke kEightCrossed[] = {{kEight, true, true}};
constexpr Stroke kEightRings[] = {{kUpperRing, true, true}, {kLowerRing, true, true}};
constexpr Style kEightStyles[] = {kEightCrossed, kEightRings};

// 9: with a straight stem, and with a curved tail.
constexpr Point kNineRing[] = {{.8, .26}, {.54, .52}, {.2, .4}, {.2, .12}, {.52, 0}, {.8, .14}};
constexpr Point kNineStem[] = {{.82, .04}, {.8, .4}, {.7, 1}};
constexpr Point kNineTail[] = {{.8, .1}, {.84, .45}, {.72, .86}, {.46, 1}, {.18, .92}};
constexpr Stroke kNineStraight[] = {{kNineRing, true, true}, {kNineStem, kLines}};
constexpr Stroke kNineCurved[] = {{kNineRing, true, true}, {kNineTail}};
constexpr Style kNine[] = {kNineStraight, kNineCurved};

constexpr std::span<const Style> kDigits[] = {kZero, kOne, kTwo,   kThree,       kFour,
                                              kFive, kSix, kSeven, kEightStyles, kNine};

}  // namespace

std::span<const Style> styles_of(int digit) { return kDigits[digit]; }

}  // namespace ingrad
