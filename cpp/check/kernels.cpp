// SPDX-License-Identifier: MIT
// Every kernel of every instruction set that this CPU has, without Python: small integers give what a naive loop gives,
// for every number of rows; random numbers give a hash, one line "name hash" for each instruction set, which other
// instruction sets and machines must print too (portable is exempt: it rounds a * b + c twice).
// Legend: n samples, k inputs, m outputs of a layer. Exits with 0 if all integers came out right.
#include <algorithm>

#include "fcnet/base/blocking.hpp"
#include "fcnet/model/data.hpp"
#include "problems.hpp"

using namespace fcnet;
using namespace fcnet::check;

namespace {

constexpr Size most_rows = 29;  // two of the highest tiles and one row

template <class T>
class Check {
 public:
  Check(const Kernels<T>& kernels, Judge& judge) : call_(kernels), judge_(judge), descent_(judge.integers()) {}

  void run() {
    for (Size k : {1, 7, 45})
      for (Size m : {1, 33, 64})
        for (Size n : {1, 32, 70})
          for (Size rows = 1; rows <= most_rows; ++rows) products(k, m, n, rows);
    for (Size rows = 1; rows <= most_rows; ++rows)
      for (Size columns : {1, 31, 32, 70})
        for (Size depth : {1, 9}) row_major(rows, columns, depth);
    for (Size columns : {1, 8, 31, 65})
      for (Size samples = 1; samples <= panel_width; ++samples) {
        gather<float>(DType::float32, columns, samples);
        gather<double>(DType::float64, columns, samples);
        gather<unsigned char>(DType::uint8, columns, samples);
        layouts(columns, samples);
        losses(columns, samples);
      }
    for (Size n = 1; n <= 70; ++n) elementwise(n);
    if (judge_.integers()) return;
    for (int i = 0; i <= static_cast<int>(Optimizer::lion); ++i) training(static_cast<Optimizer>(i));
  }

 private:
  // How many of `all` rows, and where they begin.
  struct Range {
    Range(Size rows, Size all) : first(rows * 5 % (all - std::min(rows, all) + 1)), last(first + std::min(rows, all)) {}
    Size first, last;
    bool has(Size row) const { return first <= row && row < last; }
  };

  void products(Size k, Size m, Size n, Size rows) {
    Packed<T> w = judge_.template matrix<T>(k + 1, m), h = judge_.template matrix<T>(k + 1, n);
    Packed<T> sigma = judge_.template matrix<T>(m, n), sigma_t(n, m);
    sigma_t.fill([&](Size i, Size j) { return sigma.at(j, i); });
    const LayerView<T> layer{w.data(), w.stride(), k, m, rows % 2 ? Activation::relu : Activation::identity};
    const bool relu = layer.activation == Activation::relu;

    const Range some(rows, m);
    Packed<T> result = judge_.template matrix<T>(m, n), wanted = result;
    call_.forward(layer, read_only(h), panels(result), some.first, some.last);
    for (Size j = some.first; j < some.last; ++j)
      for (Size i = 0; i < n; ++i) {
        T sum = w.at(k, j);
        for (Size x = 0; x < k; ++x) sum += w.at(x, j) * h.at(x, i);
        wanted.at(j, i) = relu && sum < 0 ? 0 : sum;
      }
    judge_.expect(result, wanted, "forward", rows);

    const Range inputs(rows, k);
    result = wanted = judge_.template matrix<T>(k, n);
    call_.backward_data(layer, read_only(sigma), read_only(h), layer.activation, panels(result), inputs.first,
                        inputs.last);
    for (Size x = inputs.first; x < inputs.last; ++x)
      for (Size i = 0; i < n; ++i) {
        T sum = 0;
        for (Size j = 0; j < m; ++j) sum += w.at(x, j) * sigma.at(j, i);
        wanted.at(x, i) = relu && h.at(x, i) <= 0 ? 0 : sum;
      }
    judge_.expect(result, wanted, "backward_data", rows);

    const Range weights(rows, k + 1);
    Packed<T> gradient(k + 1, m), stored(k + 1, m), updated = w;
    gradient.fill([&](Size x, Size j) {
      T sum = 0;
      for (Size i = 0; i < n; ++i) sum += h.at(x, i) * sigma.at(j, i);
      return weights.has(x) ? sum : 0;
    });
    stored.fill([](Size, Size) { return T(0); });
    call_.backward_weights(layer, read_only(h), read_only(sigma_t), stored.data(), false, weights.first, weights.last);
    judge_.expect(stored, gradient, "backward_weights", rows);
    // the sums go on where they were left, and the step is written elsewhere
    const UpdateTarget<T> elsewhere{.w = w.data(), .new_w = updated.data(), .sums = stored.data()};
    call_.update(layer, read_only(h), read_only(sigma_t), descent_.step, elsewhere, weights.first, weights.last);
    wanted = w;
    wanted.fill([&](Size x, Size j) { return descent_(w.at(x, j), 2 * gradient.at(x, j)); });
    judge_.expect(updated, wanted, "continued update", rows);
    call_.backward_weights(layer, read_only(h), read_only(sigma_t), stored.data(), true, weights.first, weights.last);
    wanted.fill([&](Size x, Size j) { return descent_(w.at(x, j), gradient.at(x, j)); });
    judge_.expect(stored, gradient.fill([&](Size x, Size j) { return 2 * gradient.at(x, j); }), "continued", rows);
    const UpdateTarget<T> in_place{.w = w.data(), .new_w = w.data()};
    call_.update(layer, read_only(h), read_only(sigma_t), descent_.step, in_place, weights.first, weights.last);
    judge_.expect(w, wanted, "update", rows);
  }

  void row_major(Size rows, Size columns, Size depth) {
    const std::vector<T> a = judge_.template vector<T>(rows * depth), b = judge_.template vector<T>(depth * columns);
    const std::vector<T> bias = judge_.template vector<T>(columns), mask = judge_.template vector<T>(rows * columns);
    const std::vector<T> start = judge_.template vector<T>(rows * columns);
    std::vector<T> scratch((depth + blocking.product_rows) * panel_width);
    for (bool transposed : {false, true})
      for (int end = 0; end < 3; ++end) {  // with a bias; masked; an update
        std::vector<T> c = start, wanted = start;
        const RowMajorProduct<T> product{.rows = rows,
                                         .columns = columns,
                                         .depth = depth,
                                         .a = a.data(),
                                         .a_k = transposed ? rows : 1,
                                         .a_r = transposed ? 1 : depth,
                                         .b = b.data(),
                                         .b_transposed = transposed,
                                         .bias = end == 0 ? bias.data() : nullptr,
                                         .mask = end == 1 ? mask.data() : nullptr,
                                         .c = c.data(),
                                         .update = end == 2 ? &descent_.step : nullptr};
        call_.product(product, {0, rows, 0, ceil_div(columns, panel_width)}, scratch.data());
        for (Size r = 0; r < rows; ++r)
          for (Size j = 0; j < columns; ++j) {
            T sum = end == 0 ? bias[j] : 0, &to = wanted[r * columns + j];
            for (Size x = 0; x < depth; ++x)
              sum += a[x * product.a_k + r * product.a_r] * b[transposed ? j * depth + x : x * columns + j];
            to = end == 2 ? descent_(to, sum) : end == 1 && mask[r * columns + j] <= 0 ? 0 : sum;
          }
        judge_.expect(c, wanted, "product", rows, columns, depth);
      }
  }

  template <class Source>
  void gather(DType dtype, Size columns, Size samples) {
    std::vector<Source> rows(2 * panel_width * columns);
    std::vector<std::int64_t> order(2 * panel_width);
    for (Source& x : rows) x = static_cast<Source>(judge_.draw() * (sizeof(Source) == 1 ? 9 : 1) + 100);
    for (Size i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>((i * 37 + 11) % order.size());
    for (bool ordered : {false, true}) {
      const std::int64_t* const by = ordered ? order.data() : nullptr;
      Packed<T> panel(columns, panel_width), wanted(columns, panel_width);
      const RowSource<T> from{.x = rows.data(),
                              .dtype = dtype,
                              .columns = columns,
                              .row_step = static_cast<std::ptrdiff_t>(columns),
                              .order = by};
      call_.gather(from, panel_width - 3, samples, panel.data());
      for (Size j = 0; j < columns; ++j)
        for (Size i = samples; i < panel_width; ++i) panel.at(j, i) = 0;  // lanes without a sample
      wanted.fill([&](Size j, Size i) {
        const Size row = ordered ? static_cast<Size>(order[panel_width - 3 + i]) : panel_width - 3 + i;
        return i < samples ? static_cast<T>(rows[row * columns + j]) : 0;
      });
      judge_.expect(panel, wanted, "gather", samples);
    }
  }

  void layouts(Size columns, Size samples) {
    Packed<T> panel = judge_.template matrix<T>(columns, samples);
    std::vector<T> rows(samples * columns), wanted;
    call_.scatter(panel.data(), columns, samples, rows.data());
    for (Size i = 0; i < samples; ++i)
      for (Size j = 0; j < columns; ++j) wanted.push_back(panel.at(j, i));
    judge_.expect(rows, wanted, "scatter", samples, columns, 0);

    Packed<T> turned(panel_width, columns), reference(panel_width, columns);
    turned.fill([](Size, Size) { return T(0); });
    reference.fill([&](Size i, Size j) { return i < samples ? panel.at(j, i) : 0; });
    call_.transpose(panel.data(), columns, 0, ceil_div(columns, panel_width), samples, turned.data(), turned.stride());
    for (Size i = samples; i < panel_width; ++i)
      for (Size j = 0; j < columns; ++j) turned.at(i, j) = 0;  // lanes without a sample
    judge_.expect(turned, reference, "transpose", samples);
  }

  // Of integers the logits are equal, so that every exponential is that of 0.
  void losses(Size outputs, Size samples) {
    Packed<T> z = judge_.template matrix<T>(outputs, samples), target = judge_.template matrix<T>(outputs, samples);
    Packed<T> sigma(outputs, samples), wanted(outputs, samples), squares(outputs, samples);
    std::vector<T> loss(panel_width), wanted_loss(panel_width);
    const LossTask<T> squared{.loss = Loss::mse, .output = Activation::identity, .targets = target.data()};
    call_.loss(squared, z.data(), outputs, samples, squares.data(), loss.data());
    wanted.fill([&](Size j, Size i) {
      const T difference = z.at(j, i) - target.at(j, i);
      wanted_loss[i] += difference * difference;
      return difference;
    });
    loss.resize(samples), wanted_loss.resize(samples);
    judge_.expect(squares, wanted, "squared_error", samples);
    judge_.expect(loss, wanted_loss, "squared_error's sum", outputs, samples, 0);

    if (judge_.integers()) z.fill([](Size, Size i) { return static_cast<T>(i); });
    std::vector<std::int32_t> labels(samples);
    for (Size i = 0; i < samples; ++i) labels[i] = static_cast<std::int32_t>(i * 3 % outputs);
    loss.resize(panel_width);
    const LossTask<T> labelled{.loss = Loss::cross_entropy, .output = Activation::softmax, .labels = labels.data()};
    const int correct = call_.loss(labelled, z.data(), outputs, samples, sigma.data(), loss.data());
    loss.resize(samples);
    wanted_loss.assign(samples, static_cast<T>(outputs));
    call_.log(wanted_loss.data(), samples, wanted_loss.data());
    const T p = 1 / static_cast<T>(outputs);
    wanted.fill([&](Size j, Size i) { return p - static_cast<T>(static_cast<Size>(labels[i]) == j); });
    judge_.expect(sigma, wanted, "cross_entropy", samples);
    judge_.expect(loss, wanted_loss, "cross_entropy's loss", outputs, samples, 0);
    judge_.expect(std::vector<int>{correct}, {static_cast<int>(std::count(labels.begin(), labels.end(), 0))},
                  "cross_entropy's count", outputs, samples, 0);
    call_.softmax(z.data(), outputs, samples);
    judge_.expect(z, wanted.fill([&](Size, Size) { return p; }), "softmax", samples);
  }

  void elementwise(Size n) {
    std::vector<T> x = judge_.template vector<T>(n), y(n), wanted(n);
    call_.activate(Activation::relu, x.data(), n, y.data());
    for (Size i = 0; i < n; ++i) wanted[i] = x[i] <= 0 ? 0 : x[i];
    judge_.expect(y, wanted, "relu", n, 1, 0);
    if (judge_.integers()) std::fill(x.begin(), x.end(), T(0));
    call_.exp(x.data(), n, x.data());
    judge_.expect(x, std::vector<T>(n, 1), "exp", n, 1, 0);
    call_.log(x.data(), n, x.data());
    judge_.expect(x, std::vector<T>(n, 0), "log", n, 1, 0);
    call_.cos(x.data(), n, y.data());
    judge_.expect(y, std::vector<T>(n, 1), "cos", n, 1, 0);
    call_.sin(x.data(), n, y.data());
    judge_.expect(y, std::vector<T>(n, 0), "sin", n, 1, 0);
    call_.gaussian_init(7, 1, n, n, judge_.integers() ? 0 : 0.5, y.data());
    judge_.expect(y, std::vector<T>(n, 0), "gaussian_init", n, 1, 0);
  }

  // Five steps of an optimizer on a network of two layers.
  void training(Optimizer optimizer) {
    const Descent<T> descent(false, optimizer);
    constexpr Size k = 37, hidden = 45, m = 11, n = 70;
    Packed<T> w1 = judge_.template matrix<T>(k + 1, hidden), w2 = judge_.template matrix<T>(hidden + 1, m);
    const std::vector<T> x = judge_.template vector<T>(n * k);
    std::vector<std::int32_t> labels(n);
    for (Size i = 0; i < n; ++i) labels[i] = static_cast<std::int32_t>(i % m);
    const auto ones = [](Size, Size) { return T(1); };
    Packed<T> h0(k + 1, n), h1(hidden + 1, n), h2(m, n), s2(m, n), s1(hidden, n), t2(n, m), t1(n, hidden);
    h0.fill(ones), h1.fill(ones);
    const LayerView<T> first{w1.data(), w1.stride(), k, hidden, Activation::relu};
    const LayerView<T> second{w2.data(), w2.stride(), hidden, m, Activation::identity};
    std::vector<T> state1(2 * w1.size()), state2(2 * w2.size());
    const auto in_place = [](Packed<T>& w, std::vector<T>& state) -> UpdateTarget<T> {
      return {.w = w.data(), .state = state.data(), .new_w = w.data(), .new_state = state.data(), .slot = w.size()};
    };
    for (int step = 0; step < 5; ++step) {
      std::vector<T> loss(h0.panels() * panel_width);
      for (Size p = 0; p < h0.panels(); ++p)
        call_.gather(plain_rows(x.data(), k), p * panel_width, used_width(n, p), h0.panel(p));
      call_.forward(first, read_only(h0), panels(h1), 0, hidden);
      call_.forward(second, read_only(h1), panels(h2), 0, m);
      for (Size p = 0; p < h2.panels(); ++p) {
        const LossTask<T> task{
            .loss = Loss::cross_entropy, .output = Activation::softmax, .labels = labels.data() + p * panel_width};
        call_.loss(task, h2.panel(p), m, used_width(n, p), s2.panel(p), loss.data() + p * panel_width);
      }
      call_.backward_data(second, read_only(s2), read_only(h1), Activation::relu, panels(s1), 0, hidden);
      for (Size p = 0; p < h2.panels(); ++p) {
        turn(s2, p, t2);
        turn(s1, p, t1);
      }
      call_.update(second, read_only(h1), read_only(t2), descent.step, in_place(w2, state2), 0, hidden + 1);
      call_.update(first, read_only(h0), read_only(t1), descent.step, in_place(w1, state1), 0, k + 1);
      loss.resize(n);
      judge_.expect(loss, {}, "training", k, m, n);
    }
    judge_.expect(w1, w1, "training", 0);
    judge_.expect(w2, w2, "training", 0);
  }

  // Panel p of sigma into its rows of sigma^T, as far as there are samples.
  void turn(Packed<T>& sigma, Size p, Packed<T>& sigma_t) {
    Packed<T> all(panel_width, sigma.rows());
    call_.transpose(sigma.panel(p), sigma.rows(), 0, all.panels(), used_width(sigma.columns(), p), all.data(),
                    all.stride());
    for (Size i = 0; i < used_width(sigma.columns(), p); ++i)
      for (Size j = 0; j < sigma.rows(); ++j) sigma_t.at(p * panel_width + i, j) = all.at(i, j);
  }

  const Kernels<T>& call_;
  Judge& judge_;
  Descent<T> descent_;
};

}  // namespace

int main() {
  bool good = true;
  for (const InstructionSet* const* isa = available_isas(); *isa != nullptr; ++isa) {
    Judge exact(true), hashed(false);
    for (Judge* judge : {&exact, &hashed}) {
      Check<float>((*isa)->float32, *judge).run();
      Check<double>((*isa)->float64, *judge).run();
    }
    good = good && exact.good();
    std::printf("%s %016llx\n", (*isa)->name, static_cast<unsigned long long>(hashed.hash()));
  }
  return good ? 0 : 1;
}
