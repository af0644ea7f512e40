package rank

// PassAtK is the unbiased estimator of the chance that at least one of k samples
// passes, given that c of n did: 1 - C(n-c, k) / C(n, k), in the product form of
// Chen et al. 2021 (Evaluating Large Language Models Trained on Code, section
// 2.1). It needs 0 <= c <= n and 1 <= k <= n.
func PassAtK(n, c, k int) float64 {
	if n-c < k {
		return 1
	}
	miss := 1.0
	for i := n - c + 1; i <= n; i++ {
		miss *= 1 - float64(k)/float64(i)
	}
	return 1 - miss
}
