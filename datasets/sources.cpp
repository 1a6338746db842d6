// SPDX-License-Identifier: Apache-2.0
#include "datasets/sources.h"

#include <fmt/format.h>

#include "datasets/data_folder.h"

namespace ingrad {
namespace {

// The four files of MNIST and of the sets that took over its format; checksums of the gzip files.
FileGroup idx_files(const char* train_images, const char* train_labels, const char* test_images,
                    const char* test_labels) {
  return {{"train-images-idx3-ubyte", train_images},
          {"train-labels-idx1-ubyte", train_labels},
          {"t10k-images-idx3-ubyte", test_images},
          {"t10k-labels-idx1-ubyte", test_labels}};
}

FileGroup named(std::initializer_list<const char*> names) {
  FileGroup group;
  for (const char* name : names) group.push_back({name, ""});
  return group;
}

std::vector<DataSource> make_sources() {
  return {
      {"glyphs", "1x28x28", 10, "any number, generated", {}, {}, "built in", load_glyphs},
      {"mnist",
       "1x28x28",
       10,
       "60000 + 10000",
       {"mnist", "MNIST/raw", ""},
       {idx_files("sha256 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                  "sha256 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                  "sha256 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                  "sha256 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6")},
       "https://ossci-datasets.s3.amazonaws.com/mnist/",
       load_idx_pair},
      {"fashion-mnist",
       "1x28x28",
       10,
       "60000 + 10000",
       {"fashion-mnist", "FashionMNIST/raw"},
       {idx_files("sha256 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                  "sha256 a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                  "sha256 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                  "sha256 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")},
       "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
       load_idx_pair},
      {"kmnist",
       "1x28x28",
       10,
       "60000 + 10000",
       {"kmnist", "KMNIST/raw"},
       {idx_files("md5 bdb82020997e1d708af4cf47b453dcf7", "md5 e144d726b3acfaa3e44228e80efcd344",
                  "md5 5c965bf0a639b31b8f53240b1b52f4d7", "md5 7320c461ea6c1c855c0b718fb2a4b134")},
       "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
       load_idx_pair},
      {"xray-pneumonia28",
       "1x28x28",
       2,
       "480 + 160",
       {"xray-pneumonia28"},
       {named({"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "test-images-idx3-ubyte",
               "test-labels-idx1-ubyte"})},
       "an excerpt in IDX files; the whole set: https://zenodo.org/records/10519652 "
       "(pneumoniamnist.npz, md5 28209eda62fecd6e6a2d98b1501bb15f)",
       load_idx_pair},
      {"cifar10",
       "3x32x32",
       10,
       "50000 + 10000 (excerpt: 5000 + 1000)",
       {"cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin"},
       {named({"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin", "test_batch.bin"}),
        named({"train-images.jpgs", "train-labels-idx1-ubyte", "test-images.jpgs",
               "test-labels-idx1-ubyte"})},
       "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz (sha256 "
       "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd)",
       load_cifar10},
      {"cifar100",
       "3x32x32",
       100,
       "50000 + 10000",
       {"cifar100", "cifar100/cifar-100-binary", "cifar-100-binary"},
       {named({"train.bin", "test.bin"})},
       "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz (sha256 "
       "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec)",
       load_cifar100},
      {"california",
       "8",
       0,
       "16512 + 4128",
       {"tabular", "california", ""},
       {named({"cal_housing.csv"}), named({"cal_housing.data"})},
       "https://ndownloader.figshare.com/files/5976036 (cal_housing.tgz, sha256 "
       "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681)",
       load_california},
      {"german",
       "61",
       2,
       "800 + 200",
       {"tabular", "german", ""},
       {named({"german.data"})},
       "https://archive.ics.uci.edu/dataset/144",
       load_german},
      {"adult",
       "about 100",
       2,
       "32561 + 16281 (excerpt: 6400 + 1600)",
       {"tabular", "adult", ""},
       {{{"adult.data", "sha256 5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"}},
        named({"adult.first8000.data"})},
       "https://archive.ics.uci.edu/dataset/2",
       load_adult},
      {"optdigits",
       "1x8x8",
       10,
       "3823 + 1797",
       {"optdigits", ""},
       {named({"optdigits.tra", "optdigits.tes"})},
       "https://archive.ics.uci.edu/dataset/80",
       load_optdigits},
  };
}

}  // namespace

std::string DataSource::how_to_get() const {
  std::string text = address, files;
  if (groups.empty()) return text;
  for (const DataFile& f : groups[0]) {
    if (!f.checksum.empty()) {
      files += fmt::format("{}{} ({})", files.empty() ? "" : ", ", f.name, f.checksum);
    }
  }
  return files.empty() ? text : text + ": " + files;
}

std::string DataSource::need(const std::string& data, const std::string& file,
                             Location where) const {
  return need_data_file(data, folders, file, how_to_get(), where);
}

std::span<const DataSource> data_sources() {
  static const std::vector<DataSource> sources = make_sources();
  return sources;
}

}  // namespace ingrad
